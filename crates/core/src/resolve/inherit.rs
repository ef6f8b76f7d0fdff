//! Secrecy of overrides: a value that replaces a template's secret is a secret too.

use crate::{
    diagnostic::Problem,
    name::InstanceName,
    template::{ConfigContent, Given, Overrides, Template},
};

/// Marks overrides of the template's secrets as secret, so that they are stored as such.
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
        if let (Some(file), true) = (file, is_secret_file(template, path))
            && let ConfigContent::Content(text) = &file.content
        {
            file.content = ConfigContent::secret(text.clone());
        }
    }
}

/// Returns files that replace secret ones and are too large to encrypt automatically.
pub(super) fn too_large_to_seal(
    name: &InstanceName,
    template: &Template,
    overrides: &Overrides,
) -> Vec<Problem> {
    let files = overrides.config_files.iter();
    let large = files.filter(|(path, file)| {
        let kept = file.as_ref().is_some_and(|file| matches!(file.content, ConfigContent::Kept(_)));
        kept && is_secret_file(template, path)
    });
    let message =
        "the template marks this file as secret, and this one is large; set `secret: true` here as well";
    large.map(|(path, _)| Problem::in_field(name, format!("config_files.{path}"), message)).collect()
}

fn is_secret_file(template: &Template, path: &str) -> bool {
    let file = template.config_files.get(path);
    file.is_some_and(|file| !matches!(file.content, ConfigContent::Content(_) | ConfigContent::Kept(_)))
}
