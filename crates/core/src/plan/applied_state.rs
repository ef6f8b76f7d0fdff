//! The specs that containers were created from, as recorded in the store.

use crate::{
    id::InstanceId,
    name::{InstanceName, PhysicalVolume},
    ownership::Ownership,
    persisted::{DEPENDS_ON, IMAGE, WIRES, applied_form, mounts},
    resolve::PreviousWiring,
    secret::{GIVEN_UP, Sealable, Secret, Stored, Undecryptable},
    spec::{ContainerSpec, Mount, MountFrom},
    wire::Endpoint,
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

/// What the store recorded about earlier applies to this engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedState {
    /// The applied specs of each instance's containers, newest first; those of kept and failed containers are
    /// included.
    pub applied: BTreeMap<InstanceId, Vec<AppliedSpec>>,
    /// Copies of data that no undo needs once the plan's containers are ready: those of the interrupted apply that it
    /// resumes, and of applies past their commit point.
    pub spent_copies: BTreeSet<PhysicalVolume>,
    /// The objects that the store created.
    pub ownership: Ownership,
    /// Volumes with data of removed instances, and how the secret values that belong to the data were restored.
    pub kept: BTreeMap<PhysicalVolume, KeptData>,
}

/// A volume with a removed instance's data, assigned to another instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptData {
    /// The last known names of the removed instance and its stack, `shop/db`; `None` if they were not recorded.
    pub of: Option<String>,
    /// How the secret values that belong to the data were restored.
    pub values: GivenBack,
}

impl AppliedState {
    /// Returns the spec that an instance's container with this config hash was created from.
    pub fn spec(&self, instance: &str, hash: Option<&str>) -> Option<&AppliedSpec> {
        let specs = self.applied.get(&InstanceId::new(instance))?;
        specs.iter().find(|known| Some(known.hash.as_str()) == hash)
    }

    /// Returns the endpoints that applied instances are wired to, by the instances' current names.
    pub fn prior<'a>(
        &self,
        instances: impl IntoIterator<Item = (&'a InstanceName, &'a InstanceId)>,
    ) -> PreviousWiring {
        let wires = |id: &InstanceId| {
            let mut specs = self.applied.get(id)?.iter();
            specs.find(|known| known.state == SpecState::Completed).map(AppliedSpec::wires)
        };
        let all = instances.into_iter().filter_map(|(name, id)| Some((name.clone(), wires(id)?)));
        all.filter(|(_, wires)| !wires.is_empty()).collect()
    }

    /// Whether any container of an instance ever became ready.
    pub fn was_applied(&self, instance: &InstanceId) -> bool {
        let mut specs = self.applied.get(instance).into_iter().flatten();
        specs.any(|known| known.state != SpecState::Begun)
    }

    /// Returns the spec an instance's container was last created from: the latest that became ready, or else the
    /// latest begun.
    pub fn last_applied(&self, instance: &InstanceId) -> Option<&AppliedSpec> {
        let specs = self.applied.get(instance)?;
        specs.iter().find(|known| known.state != SpecState::Begun).or_else(|| specs.first())
    }

    /// Returns the bind mounts of the applied instances, and whether each is read-only.
    pub fn binds<'a>(
        &self,
        instances: impl IntoIterator<Item = (&'a InstanceName, &'a InstanceId)>,
    ) -> BTreeMap<InstanceName, BTreeSet<(String, bool)>> {
        let binds = |id: &InstanceId| {
            let mut specs = self.applied.get(id)?.iter();
            specs.find(|known| known.state == SpecState::Completed).map(AppliedSpec::binds)
        };
        instances.into_iter().filter_map(|(name, id)| Some((name.clone(), binds(id)?))).collect()
    }

    /// Whether any container of an instance mounted that volume.
    pub fn had_volume(&self, instance: &InstanceId, volume: &PhysicalVolume) -> bool {
        let specs = self.applied.get(instance).into_iter().flatten();
        let specs = specs.filter(|known| known.state != SpecState::Begun);
        let mut mounts = specs.flat_map(|known| mounts(&known.spec));
        mounts.any(|mount| matches!(mount.source, MountFrom::Volume(known) if known == *volume))
    }
}

/// The spec a container was created from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedSpec {
    /// Its config hash.
    pub hash: String,
    /// The spec with secrets redacted; the left side of diffs.
    pub spec: serde_json::Value,
    /// The secrets by field, or why they cannot be decrypted.
    pub secrets: Result<BTreeMap<String, Secret>, Undecryptable>,
    /// What is known about the container.
    pub state: SpecState,
}

impl AppliedSpec {
    /// Reads a record that [`crate::desired::ContainerRecipe::memory`] wrote. Undecryptable secrets are kept as such,
    /// not reported as an error.
    ///
    /// # Errors
    ///
    /// The rest of the record is not valid JSON.
    pub fn read(hash: String, stored: &Stored, state: SpecState) -> Result<Self, serde_json::Error> {
        let secrets = match &stored.secret {
            Sealable::Nothing => Ok(BTreeMap::new()),
            Sealable::Open(text) if text.as_str() == GIVEN_UP => Err(Undecryptable::GivenUp),
            Sealable::Open(text) => serde_json::from_str::<BTreeMap<String, String>>(text)
                .map_err(|_| Undecryptable::Damaged)
                .map(|all| all.into_iter().map(|(field, value)| (field, Secret::new(value))).collect()),
            Sealable::Locked(why) => Err(*why),
        };
        Ok(Self { hash, spec: serde_json::from_str(&stored.open)?, secrets, state })
    }

    /// Whether the container was created from that spec, ignoring the name of an image that the stack builds.
    pub(super) fn is_of(&self, spec: &ContainerSpec) -> bool {
        let mut now = applied_form(spec, &BTreeMap::new(), &BTreeMap::new());
        let mut was = self.spec.clone();
        let beside = [DEPENDS_ON, WIRES].into_iter().chain(spec.build_tag.as_ref().map(|_| IMAGE));
        for field in beside {
            for fields in [&mut now, &mut was].into_iter().filter_map(serde_json::Value::as_object_mut) {
                fields.remove(field);
            }
        }
        now == was && self.secrets.as_ref() == Ok(&spec.secrets())
    }

    /// Returns the bind mounts, and whether each is read-only.
    fn binds(&self) -> BTreeSet<(String, bool)> {
        let bind = |mount: Mount| match mount.source {
            MountFrom::Bind(path) => Some((path, mount.read_only)),
            MountFrom::Volume(_) => None,
        };
        mounts(&self.spec).into_iter().filter_map(bind).collect()
    }

    /// Returns the endpoints that the imports were wired to.
    fn wires(&self) -> BTreeMap<String, Endpoint> {
        let wires = self.spec.get(WIRES).and_then(|wires| wires.as_object());
        let known = wires.into_iter().flatten();
        let read =
            known.filter_map(|(import, to)| Some((import.clone(), Endpoint::of_memory(to.as_str()?)?)));
        read.collect()
    }
}

/// The names of restored secret values, by outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GivenBack {
    /// Values equal to those the volume was last used with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub same: Vec<String>,
    /// New values: those the volume was last used with are not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub new: Vec<String>,
    /// Values that the definition sets differently from those the volume was last used with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other: Vec<String>,
}

/// What is known about an applied container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecState {
    /// About to be created, or its apply was interrupted at that point: it may not exist.
    Begun,
    /// Created by an apply that completed. If it is missing, something other than DevArch removed it.
    Completed,
    /// Removed by a later apply.
    Removed,
}

impl SpecState {
    const ALL: [Self; 3] = [Self::Begun, Self::Completed, Self::Removed];

    /// Returns the name used in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Completed => "made",
            Self::Removed => "removed",
        }
    }
}

impl FromStr for SpecState {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or(())
    }
}
