use crate::{
    name::{InstanceName, StackName, TemplateName},
    read::{At, Value},
};
use std::collections::{BTreeMap, BTreeSet};

/// The new name of each service: its own, or the nearest valid one.
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    /// Chooses a name for each service; a changed one is noted.
    pub(super) fn of(services: &[(&str, At<'_>)]) -> Self {
        let fits = |name: &str| name.parse::<InstanceName>().is_ok();
        let given = services.iter().map(|(name, _)| *name);
        let mut taken: BTreeSet<String> = given.filter(|name| fits(name)).map(str::to_owned).collect();
        let mut names = BTreeMap::new();
        for (given, at) in services {
            if fits(given) {
                names.insert((*given).to_owned(), (*given).to_owned());
                continue;
            }
            let name = free(&InstanceName::suggest(given, "service"), &taken, InstanceName::numbered);
            at.tell(format!(
                "{given:?} cannot be an instance's name, it is imported as {name:?}; \
                 change the host name where other services use it"
            ));
            taken.insert(name.clone());
            names.insert((*given).to_owned(), name);
        }
        Self(names)
    }

    /// Returns the new name of a service; unknown ones keep their name.
    pub(super) fn name<'n>(&'n self, given: &'n str) -> &'n str {
        self.0.get(given).map_or(given, String::as_str)
    }

    /// Returns the name as an instance's and a template's.
    pub(super) fn both(&self, given: &str) -> Option<(InstanceName, TemplateName)> {
        let name = self.name(given);
        Some((name.parse().ok()?, name.parse().ok()?))
    }
}

/// Returns the preferred name, or the first numbered one that is free.
pub(super) fn free(wanted: &str, taken: &BTreeSet<String>, numbered: impl Fn(&str, u32) -> String) -> String {
    if !taken.contains(wanted) {
        return wanted.to_owned();
    }
    let mut candidates = (2..).map(|number| numbered(wanted, number));
    candidates.find(|name| !taken.contains(name)).unwrap_or_else(|| wanted.to_owned())
}

/// Returns the file's `name` as a stack's.
pub(super) fn stack(at: &At<'_>) -> Option<StackName> {
    let Value::Text(given) = &at.node.value else {
        return at.expected("a name");
    };
    match given.parse() {
        Ok(name) => Some(name),
        Err(error) => {
            let name = StackName::suggest(given, "stack");
            at.tell(format!("{error}; the stack is imported as {name:?}"));
            name.parse().ok()
        }
    }
}
