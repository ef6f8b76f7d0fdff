//! A stack's definition at the time of an apply: what `rollback` returns to.

use devarch_core::{
    id::ImageId,
    name::InstanceName,
    record::{RecordError, Versioned, version},
    secret::{HoldsSecrets, Secret, Stored, Visit, visit_entries},
    stack::{Pinned, Stack, StackFile},
    template::{ConfigContent, ConfigFile, EnvValue, Given, Overrides, Template, TemplateDigest},
};
use devarch_store::ExposedContents;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// The version of the stored format.
const VERSION: u64 = 1;

/// A stack's complete definition, including the bodies of its templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Versioned<Form>", try_from = "Value")]
pub(crate) struct Definition {
    /// Whether the stack was enabled.
    pub(crate) enabled: bool,
    /// The definition in the format of a devarch.yml.
    pub(crate) file: StackFile,
    /// The templates its instances were pinned to, by digest.
    templates: BTreeMap<String, Template>,
    /// The digest of each instance's template.
    pins: BTreeMap<InstanceName, String>,
    later: Later,
}

/// Version 1 of the stored format.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Form {
    enabled: bool,
    file: StackFile,
    templates: BTreeMap<String, Template>,
    pins: BTreeMap<InstanceName, String>,
    #[serde(flatten)]
    later: Later,
}

/// Reserved for fields that no definition has yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Later {
    /// The local layer on top of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    local: Option<StackFile>,
    /// The image that each instance's container was created from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    images: BTreeMap<InstanceName, ImageId>,
}

impl From<Definition> for Versioned<Form> {
    fn from(definition: Definition) -> Self {
        let Definition { enabled, file, templates, pins, later } = definition;
        Self::new(VERSION, Form { enabled, file, templates, pins, later })
    }
}

impl TryFrom<Value> for Definition {
    type Error = RecordError;

    fn try_from(record: Value) -> Result<Self, RecordError> {
        version(&record, VERSION)?;
        let Form { enabled, file, templates, pins, later } = serde_json::from_value(record)?;
        Ok(Self { enabled, file, templates, pins, later })
    }
}

impl HoldsSecrets for Definition {
    fn visit_secrets(&mut self, visit: Visit<'_>) {
        self.file.visit_secrets(visit);
        visit_entries("templates", &mut self.templates, visit);
        visit_entries("local", self.later.local.iter_mut().map(|local| ("stack", local)), visit);
    }
}

impl Definition {
    /// Captures a stack's current definition.
    pub(crate) fn from_stack(stack: &Stack) -> Self {
        let pins = stack.instances.values().map(|instance| &instance.template);
        Self {
            enabled: stack.enabled,
            file: StackFile::from_stack(stack),
            templates: pins.map(|pin| (pin.digest.to_string(), pin.template.as_ref().clone())).collect(),
            pins: stack
                .instances
                .iter()
                .map(|(name, instance)| (name.clone(), instance.template.digest.to_string()))
                .collect(),
            later: Later::default(),
        }
    }

    /// Returns a stored definition with these texts turned into secrets: values that were plain become secret, and so
    /// do contents that contain them.
    pub(crate) fn with_secrets(
        stored: &Stored,
        secrets: &[Secret],
        exposed: &ExposedContents,
    ) -> Option<Stored> {
        let mut definition: Self = stored.read().ok()?;
        let secret = |text: &String| secrets.iter().any(|secret| text.contains(secret.reveal()));
        for instance in definition.file.instances.values_mut() {
            mark_secret(&mut instance.overrides, &secret, exposed);
        }
        let external = definition.file.wiring.external.values_mut();
        for value in external.flat_map(|external| external.properties.values_mut()) {
            if matches!(&value, Given::Plain(text) if secret(text)) {
                *value = value.clone().into_secret();
            }
        }
        for template in definition.templates.values_mut() {
            let mut said =
                Overrides { service: std::mem::take(&mut template.service), ..Overrides::default() };
            mark_secret(&mut said, &secret, exposed);
            template.service = said.service;
            template.config_files.values_mut().for_each(|file| mark_file(file, &secret, exposed));
        }
        Stored::from_definition(&definition).ok()
    }

    /// Returns the template of each instance; instances of one template share its body.
    pub(crate) fn pins(&self) -> BTreeMap<InstanceName, Pinned> {
        let bodies: BTreeMap<String, Pinned> = self
            .templates
            .iter()
            .map(|(digest, template)| {
                let (digest, template) =
                    (TemplateDigest::from_stored(digest.clone()), Arc::new(template.clone()));
                (digest.to_string(), Pinned { digest, template })
            })
            .collect();
        let pin =
            |(name, digest): (&InstanceName, &String)| Some((name.clone(), bodies.get(digest)?.clone()));
        self.pins.iter().filter_map(pin).collect()
    }
}

/// Turns values into secrets if they contain a text that is now secret.
fn mark_secret(overrides: &mut Overrides, secret: &impl Fn(&String) -> bool, exposed: &ExposedContents) {
    let said = overrides.service.environment.iter_mut().flat_map(BTreeMap::values_mut);
    for value in said.chain(overrides.environment_add.values_mut().flatten()) {
        if matches!(&value, EnvValue::Given(Given::Plain(text)) if secret(text)) {
            *value = value.clone().into_secret();
        }
    }
    for arg in overrides.service.build.iter_mut().flat_map(|build| build.args.values_mut()) {
        if matches!(&arg, Given::Plain(text) if secret(text)) {
            *arg = arg.clone().into_secret();
        }
    }
    overrides.config_files.values_mut().flatten().for_each(|file| mark_file(file, secret, exposed));
}

fn mark_file(file: &mut ConfigFile, secret: &impl Fn(&String) -> bool, exposed: &ExposedContents) {
    let text = match &file.content {
        ConfigContent::Content(text) if secret(text) => text,
        ConfigContent::Kept(kept) => match exposed.get(&kept.sha256) {
            Some(text) => text.reveal(),
            None => return,
        },
        _ => return,
    };
    file.content = ConfigContent::secret(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use devarch_core::secret::Sealable;

    const FIRST: &str = include_str!("../../tests/records/definition-1.json");

    fn read(text: &str) -> Result<Definition, serde_json::Error> {
        Stored { open: text.to_owned(), secret: Sealable::Nothing }.read()
    }

    #[test]
    fn a_definition_without_a_version_is_read_and_written_with_one() {
        let definition = read(FIRST).unwrap();
        assert!(definition.enabled);
        assert_eq!((definition.file.instances.len(), definition.pins().len()), (4, 4));
        let written = Stored::from_definition(&definition).unwrap();
        assert_eq!(written.open, FIRST.replacen('{', "{\"version\":1,", 1));
        assert_eq!(written.read::<Definition>().unwrap(), definition);
    }

    #[test]
    fn a_definition_of_a_newer_version_is_refused() {
        let refused = read(&FIRST.replacen('{', "{\"version\":2,", 1)).unwrap_err().to_string();
        assert!(refused.contains("newer devarch (form 2, this one knows 1)"), "{refused}");
    }

    #[test]
    fn a_local_layer_and_image_ids_are_reserved_fields() {
        let definition = read(FIRST).unwrap();
        let later = Later {
            local: Some(StackFile::default()),
            images: BTreeMap::from([("db".parse().unwrap(), ImageId::new("sha256:11"))]),
        };
        let with = Definition { later, ..definition };
        let written = Stored::from_definition(&with).unwrap();
        let place = r#","local":{"allow":[],"instances":{}},"images":{"db":"sha256:11"}}"#;
        assert!(written.open.ends_with(place), "{}", written.open);
        assert_eq!(written.read::<Definition>().unwrap(), with);
    }
}
