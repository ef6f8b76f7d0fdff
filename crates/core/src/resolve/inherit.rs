//! What an instance says in the place of something its template marks secret is a secret too.

use crate::template::{ConfigContent, Given, Overrides, Template};

/// Marks as secret what overrides say in the place of the template's secrets, so that it is kept as one.
pub fn inherit_secrecy(template: &Template, overrides: &mut Overrides) {
    let base = &template.service;
    let secret = |name: &String| {
        base.environment.iter().flatten().any(|(known, value)| known == name && value.is_secret())
    };
    let said = overrides.service.environment.iter_mut().flatten();
    let added =
        overrides.environment_add.iter_mut().filter_map(|(name, value)| Some((name, value.as_mut()?)));
    for (_, value) in said.chain(added).filter(|(name, _)| secret(name)) {
        *value = value.clone().into_secret();
    }
    let inherited = base.build.as_ref().map(|build| &build.args);
    let args = overrides.service.build.iter_mut().flat_map(|build| &mut build.args);
    for (name, arg) in args {
        if inherited.and_then(|args| args.get(name)).is_some_and(Given::is_secret) {
            *arg = arg.clone().into_secret();
        }
    }
    for (path, file) in &mut overrides.config_files {
        let is_secret = |content: &ConfigContent| !matches!(content, ConfigContent::Content(_));
        let inherited = template.config_files.get(path).is_some_and(|file| is_secret(&file.content));
        if let (Some(file), true) = (file, inherited)
            && let ConfigContent::Content(text) = &file.content
        {
            file.content = ConfigContent::secret(text.clone());
        }
    }
}
