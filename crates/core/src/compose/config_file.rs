use super::{
    Interpolated,
    build::ConfigPlace,
    model::{Config, ConfigUse, FileToWrite, Mount},
    secrets::{Holder, Secrets},
};
use crate::{
    name::InstanceName,
    spec::{ContainerSpec, FileContent, FileSpec},
    text::Text,
};
use std::collections::BTreeMap;

/// An instance's config files in the forms that Compose supports.
#[derive(Debug, Default)]
pub(super) struct ConfigFiles {
    /// Top-level `configs` with their content.
    pub(super) configs: BTreeMap<String, Config>,
    /// The service's references to them.
    pub(super) uses: Vec<ConfigUse>,
    /// Mounts of files that are written beside the Compose file.
    pub(super) mounts: Vec<Mount>,
    /// Those files.
    pub(super) files: Vec<FileToWrite>,
}

/// A config file with its content in the Compose file.
#[derive(Clone, Copy)]
struct InlineFile<'a> {
    path: &'a str,
    file: &'a FileSpec,
    text: &'a Text,
}

impl ConfigFiles {
    /// Converts an instance's config files.
    pub(super) fn of(
        name: &InstanceName,
        spec: &ContainerSpec,
        place: ConfigPlace,
        secrets: &Secrets,
    ) -> Self {
        let mut found = Self::default();
        for (path, file) in &spec.config_files {
            match (place, &file.content) {
                (ConfigPlace::Inline, FileContent::Text(text)) => {
                    found.inline(name, InlineFile { path, file, text }, secrets);
                }
                // Too large for the Compose file.
                (ConfigPlace::Inline, FileContent::Kept(_)) | (ConfigPlace::Beside, _) => {
                    found.beside(name, path, file);
                }
            }
        }
        found
    }

    fn inline(
        &mut self,
        name: &InstanceName,
        InlineFile { path, file, text }: InlineFile<'_>,
        secrets: &Secrets,
    ) {
        let source = self.key(name, path);
        let holder = Holder::File(name.clone(), path.to_owned());
        let content = value(text, &holder, secrets);
        self.uses.push(ConfigUse {
            source: source.clone(),
            target: Interpolated::literal(path),
            uid: file.owner.uid.to_string(),
            gid: file.owner.gid.to_string(),
            mode: format!("0{:o}", file.mode.0),
        });
        self.configs.insert(source, Config { content });
    }

    fn beside(&mut self, name: &InstanceName, path: &str, file: &FileSpec) {
        self.mounts.push(Mount {
            kind: "bind",
            source: Interpolated::literal(format!("./{name}{path}")),
            target: Interpolated::literal(path),
            read_only: true,
        });
        self.files.push(FileToWrite {
            path: format!("{name}{path}"),
            content: file.content.clone(),
            mode: file.mode,
        });
    }

    /// Returns a key such as `web.nginx.conf`. Instance names have no dots, so keys of two instances cannot collide.
    fn key(&self, name: &InstanceName, path: &str) -> String {
        let file = path.rsplit('/').next().unwrap_or_default();
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let file: String = file.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
        let wanted = format!("{name}.{file}");
        let mut key = wanted.clone();
        let mut number = 2;
        while self.configs.contains_key(&key) {
            key = format!("{wanted}.{number}");
            number += 1;
        }
        key
    }
}

/// Converts a text for the Compose file: a secret becomes its variable.
pub(super) fn value(text: &Text, holder: &Holder, secrets: &Secrets) -> Interpolated {
    match text {
        Text::Plain(text) => Interpolated::literal(text),
        Text::Secret(_) => Interpolated::variable(secrets.variable(holder).unwrap_or_default()),
    }
}
