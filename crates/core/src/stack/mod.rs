//! A stack as it is stored: the aggregate that edits change and plans start from.

mod file;

pub use file::{InstanceFile, SecretFile, StackFile};

use crate::{
    content::ContentRef,
    engine::EngineBinding,
    hash::HashKey,
    id::{InstanceId, StackId},
    name::{ContainerName, InstanceName, NameTooLong, PhysicalVolume, StackName, VolumeName},
    policy::Allowance,
    port::{HostBinding, PortKey},
    secret::{KeptSecret, SecretName},
    serialize::SerializeError,
    template::{Overrides, Template, TemplateDigest},
    wire::Wiring,
};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A named, isolated environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// The stack's id, which survives renames.
    pub id: StackId,
    /// Its name, unique in the store.
    pub name: StackName,
    /// The absolute directory it was created from; relative host paths resolve against it.
    pub project: Option<String>,
    /// Disabling a stack makes `down` its desired state.
    pub enabled: bool,
    /// Incremented by every saved edit; an edit based on an older one is rejected.
    pub revision: i64,
    /// The engine it was first applied to.
    pub engine: Option<EngineBinding>,
    /// The addresses of its network, chosen at its first apply and kept.
    pub subnet: Option<Ipv4Net>,
    /// The devarch.yml as it was last imported; differences to it are edits made in DevArch.
    pub imported: Option<StackFile>,
    /// Exceptions from policy that the stack allows.
    pub allow: BTreeSet<Allowance>,
    /// Its secrets, which `${secret:NAME}` refers to.
    pub secrets: BTreeMap<SecretName, KeptSecret>,
    /// Its wires and related settings.
    pub wiring: Wiring,
    /// Its instances.
    pub instances: BTreeMap<InstanceName, Instance>,
}

/// An instance of a template in a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The instance's id, which survives renames.
    pub id: InstanceId,
    /// The template body it is pinned to.
    pub template: Pinned,
    /// Its differences from the template.
    pub overrides: Overrides,
    /// The desired state of a disabled instance is absent.
    pub enabled: bool,
    /// The desired state of its container.
    pub wanted: DesiredRun,
    /// Its slot in the stack's network: address = network + 2 + slot. Unique in the stack.
    pub slot: u32,
    /// Its assigned host ports, by container port.
    pub ports: BTreeMap<PortKey, HostBinding>,
    /// The physical names of its volumes, kept when it is renamed.
    pub volumes: BTreeMap<VolumeName, PhysicalVolume>,
    /// Its generated values, by variable.
    pub generated: BTreeMap<String, KeptSecret>,
}

/// A template body and its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The digest of the body.
    pub digest: TemplateDigest,
    /// The body, shared by instances of one template.
    pub template: Arc<Template>,
}

impl Pinned {
    /// Pins a template's body.
    ///
    /// # Errors
    ///
    /// If it cannot be represented as JSON.
    pub fn new(template: Arc<Template>, key: &HashKey) -> Result<Self, SerializeError> {
        Ok(Self { digest: template.digest(key)?, template })
    }
}

/// The desired state of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DesiredRun {
    /// Running; for a job: completed.
    #[default]
    Running,
    /// Created, but not running.
    Stopped,
    /// Not existing.
    Absent,
}

/// Returns the size of a value as JSON; `usize::MAX` if it cannot be represented.
fn json_size(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

/// Returns overrides without their config files, whose contents may be large.
fn without_contents(overrides: &Overrides) -> Overrides {
    Overrides {
        service: overrides.service.clone(),
        environment_add: overrides.environment_add.clone(),
        ports_add: overrides.ports_add.clone(),
        volumes_add: overrides.volumes_add.clone(),
        config_files: BTreeMap::new(),
        exports: overrides.exports.clone(),
        imports: overrides.imports.clone(),
    }
}

impl Stack {
    /// The maximum of [`Stack::expanded_size`], in bytes.
    pub const LARGEST: usize = 16 << 20;

    /// Returns the size in bytes of its instances with their templates expanded, without the contents of config
    /// files.
    pub fn expanded_size(&self) -> usize {
        let mut templates: BTreeMap<&TemplateDigest, usize> = BTreeMap::new();
        let sizes = self.instances.values().map(|instance| {
            let Pinned { digest, template } = &instance.template;
            let template = *templates.entry(digest).or_insert_with(|| {
                let parts = [
                    json_size(&template.service),
                    json_size(&template.exports),
                    json_size(&template.imports),
                ];
                parts.into_iter().fold(0, usize::saturating_add)
            });
            template.saturating_add(json_size(&without_contents(&instance.overrides)))
        });
        sizes.fold(0, usize::saturating_add)
    }

    /// Returns the stored contents it refers to, including those of the file it was imported from.
    pub fn contents(&self) -> BTreeSet<ContentRef> {
        let imported = self.imported.iter().flat_map(|file| file.instances.values());
        let said = imported.map(|instance| &instance.overrides);
        let said = said.chain(self.instances.values().map(|instance| &instance.overrides));
        let said = said.flat_map(|overrides| overrides.config_files.values().flatten());
        let templates = self.instances.values().map(|instance| &instance.template.template);
        let files = said.chain(templates.flat_map(|template| template.config_files.values()));
        files.filter_map(|file| file.content.kept().cloned()).collect()
    }

    /// Returns the desired state of an instance's container, taking all switches into account.
    pub fn wanted(&self, instance: &Instance) -> DesiredRun {
        if self.enabled && instance.enabled { instance.wanted } else { DesiredRun::Absent }
    }

    /// Returns the physical names of the stack's containers; fails if one would be too long.
    pub fn container_names(&self) -> Result<BTreeMap<&InstanceName, ContainerName>, NameTooLong> {
        self.instances.keys().map(|name| Ok((name, ContainerName::for_instance(&self.name, name)?))).collect()
    }

    /// Returns the lowest free slot.
    pub fn free_slot(&self) -> u32 {
        let taken: BTreeSet<u32> = self.instances.values().map(|instance| instance.slot).collect();
        (0..u32::MAX).find(|slot| !taken.contains(slot)).unwrap_or(u32::MAX)
    }
}
