//! A stack as the store keeps it: the aggregate that edits change and plans start from.

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
    /// Survives renames.
    pub id: StackId,
    /// Unique in the store.
    pub name: StackName,
    /// The directory it was made from, absolute; relative host paths resolve against it.
    pub project: Option<String>,
    /// A disabled stack is a desired `down`.
    pub enabled: bool,
    /// Goes up with every saved edit; an edit made against an older one is refused.
    pub revision: i64,
    /// The engine it lives on since its first apply.
    pub engine: Option<EngineBinding>,
    /// Its network's addresses, chosen at its first apply and kept.
    pub subnet: Option<Ipv4Net>,
    /// What the devarch.yml said that it was last made from; what differs since was edited here.
    pub imported: Option<StackFile>,
    /// What policy would refuse and the stack allows.
    pub allow: BTreeSet<Allowance>,
    /// Its secrets: what `${secret:NAME}` stands for.
    pub secrets: BTreeMap<SecretName, KeptSecret>,
    /// What it says about its wires.
    pub wiring: Wiring,
    /// Its instances.
    pub instances: BTreeMap<InstanceName, Instance>,
}

/// One use of a template in a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Survives renames.
    pub id: InstanceId,
    /// The template body it is pinned to.
    pub template: Pinned,
    /// What it says differently.
    pub overrides: Overrides,
    /// A disabled instance is wanted absent.
    pub enabled: bool,
    /// What its container should be doing.
    pub wanted: DesiredRun,
    /// Its place in the stack's network: address = network + 2 + slot. Unique in the stack.
    pub slot: u32,
    /// The host ports it has been given, by container port.
    pub ports: BTreeMap<PortKey, HostBinding>,
    /// The physical names of its volumes, kept over renames.
    pub volumes: BTreeMap<VolumeName, PhysicalVolume>,
    /// The values DevArch has made for it, by the variable.
    pub generated: BTreeMap<String, KeptSecret>,
}

/// A template body and its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The digest of the body.
    pub digest: TemplateDigest,
    /// The body; instances of one template share it.
    pub template: Arc<Template>,
}

impl Pinned {
    /// Pins a template's body.
    ///
    /// # Errors
    ///
    /// Where it has no JSON form.
    pub fn new(template: Arc<Template>, key: &HashKey) -> Result<Self, SerializeError> {
        Ok(Self { digest: template.digest(key)?, template })
    }
}

/// What a container should be doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DesiredRun {
    /// Running; a job: done.
    #[default]
    Running,
    /// There, not running.
    Stopped,
    /// Not there.
    Absent,
}

/// How long a value is as JSON; without end where it has no such form.
fn json_size(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

/// Overrides but for their config files, whose contents may be large.
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
    /// How many bytes [`Stack::expanded_size`] may come to.
    pub const LARGEST: usize = 16 << 20;

    /// How many bytes its instances come to once each has its template in it, but for the contents of config files.
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

    /// The contents it names, the file it was imported from included.
    pub fn contents(&self) -> BTreeSet<ContentRef> {
        let imported = self.imported.iter().flat_map(|file| file.instances.values());
        let said = imported.map(|instance| &instance.overrides);
        let said = said.chain(self.instances.values().map(|instance| &instance.overrides));
        let said = said.flat_map(|overrides| overrides.config_files.values().flatten());
        let templates = self.instances.values().map(|instance| &instance.template.template);
        let files = said.chain(templates.flat_map(|template| template.config_files.values()));
        files.filter_map(|file| file.content.kept().cloned()).collect()
    }

    /// What the container of an instance should be doing, all switches considered.
    pub fn wanted(&self, instance: &Instance) -> DesiredRun {
        if self.enabled && instance.enabled { instance.wanted } else { DesiredRun::Absent }
    }

    /// The physical names of the stack's containers; an error where one would be too long.
    pub fn container_names(&self) -> Result<BTreeMap<&InstanceName, ContainerName>, NameTooLong> {
        self.instances.keys().map(|name| Ok((name, ContainerName::for_instance(&self.name, name)?))).collect()
    }

    /// The lowest slot no instance has.
    pub fn free_slot(&self) -> u32 {
        let taken: BTreeSet<u32> = self.instances.values().map(|instance| instance.slot).collect();
        (0..u32::MAX).find(|slot| !taken.contains(slot)).unwrap_or(u32::MAX)
    }
}
