use crate::{
    build::BuildSpec,
    name::InstanceName,
    spec::{ContainerSpec, FileContent},
    text::Text,
};
use std::collections::BTreeMap;

/// The variables for a stack's secrets. All variables of a Compose file share one `.env`, so two instances with a
/// secret `PASSWORD` each get `DB_PASSWORD` and `WEB_PASSWORD`. Variable names depend on names only: the file does
/// not even reveal that two secrets are equal.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    names: BTreeMap<Holder, String>,
    values: BTreeMap<String, Text>,
}

/// The location of a secret in the stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    /// An environment variable.
    Variable(InstanceName, String),
    /// An argument of its image's build.
    Argument(InstanceName, String),
    /// A config file, by its path.
    File(InstanceName, String),
    /// A word of its command, by index.
    Command(InstanceName, usize),
    /// A word of its entrypoint, by index.
    Entrypoint(InstanceName, usize),
}

impl Secrets {
    /// Collects the secrets of these containers; those in config files only if `files` is set.
    pub(super) fn of<'a>(
        containers: impl Iterator<Item = (&'a InstanceName, &'a ContainerSpec)>,
        builds: &BTreeMap<&'a InstanceName, &'a BuildSpec>,
        files: bool,
    ) -> Self {
        let mut found: Vec<(Holder, &Text)> = Vec::new();
        for (name, spec) in containers {
            let variables = spec.environment.iter().map(|(variable, text)| {
                let holder = Holder::Variable(name.clone(), variable.clone());
                (holder, text)
            });
            found.extend(variables.filter(|(_, text)| text.is_secret()));
            let words = |words: &'a Option<Vec<Text>>| words.iter().flatten().enumerate();
            let command = words(&spec.command).map(|(at, text)| (Holder::Command(name.clone(), at), text));
            let entrypoint =
                words(&spec.entrypoint).map(|(at, text)| (Holder::Entrypoint(name.clone(), at), text));
            found.extend(command.chain(entrypoint).filter(|(_, text)| text.is_secret()));
            let contents = spec.config_files.iter().filter_map(|(path, file)| {
                let holder = Holder::File(name.clone(), path.clone());
                match &file.content {
                    FileContent::Text(text) => Some((holder, text)),
                    FileContent::Kept(_) => None,
                }
            });
            found.extend(contents.filter(|(_, text)| files && text.is_secret()));
        }
        for (name, build) in builds {
            let args = build.args.iter();
            let args = args.map(|(arg, text)| (Holder::Argument((*name).clone(), arg.clone()), text));
            found.extend(args.filter(|(_, text)| text.is_secret()));
        }
        let mut uses: BTreeMap<String, usize> = BTreeMap::new();
        for (holder, _) in &found {
            *uses.entry(holder.short()).or_default() += 1;
        }
        let mut secrets = Self::default();
        for (holder, text) in found {
            let short = holder.short();
            let wanted = if uses[&short] == 1 { short } else { holder.full() };
            secrets.add(holder, &wanted, text);
        }
        secrets
    }

    fn add(&mut self, holder: Holder, wanted: &str, text: &Text) {
        let mut name = wanted.to_owned();
        let mut number = 2;
        while self.values.contains_key(&name) {
            name = format!("{wanted}_{number}");
            number += 1;
        }
        self.values.insert(name.clone(), text.clone());
        self.names.insert(holder, name);
    }

    /// Returns the variable for a secret.
    pub(super) fn variable(&self, holder: &Holder) -> Option<&str> {
        self.names.get(holder).map(String::as_str)
    }

    /// Returns the variables and their values.
    pub(super) fn into_values(self) -> BTreeMap<String, Text> {
        self.values
    }
}

impl Holder {
    fn short(&self) -> String {
        match self {
            Self::Variable(_, name) | Self::Argument(_, name) => variable_name(name),
            Self::File(..) | Self::Command(..) | Self::Entrypoint(..) => self.full(),
        }
    }

    fn full(&self) -> String {
        match self {
            Self::Variable(instance, name) | Self::Argument(instance, name) => {
                let prefix = instance.as_str().to_ascii_uppercase();
                variable_name(&format!("{prefix}_{name}"))
            }
            Self::Command(instance, at) => {
                variable_name(&format!("{instance}_command_{at}").to_ascii_uppercase())
            }
            Self::Entrypoint(instance, at) => {
                variable_name(&format!("{instance}_entrypoint_{at}").to_ascii_uppercase())
            }
            Self::File(instance, path) => variable_name(&format!("{instance}{path}").to_ascii_uppercase()),
        }
    }
}

/// Returns the nearest name Compose can interpolate: letters, digits and `_`, no leading digit (Compose
/// specification, "Interpolation").
fn variable_name(given: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = given.chars().map(plain).collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') { name } else { format!("_{name}") }
}
