//! What containers are made from, and what the store remembers of that.

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

/// What the store remembers of earlier applies to this engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedState {
    /// By instance, what its containers were made from, newest first: a kept or failed one is still known.
    pub applied: BTreeMap<InstanceId, Vec<AppliedSpec>>,
    /// Copies of data that no undo needs once what is planned is ready: those of the interrupted apply that it takes
    /// over, and of applies that were past their commit point.
    pub spent_copies: BTreeSet<PhysicalVolume>,
    /// Which objects it created.
    pub ownership: Ownership,
    /// Volumes with data of instances that went, and what became of the values that belong to it.
    pub kept: BTreeMap<PhysicalVolume, KeptData>,
}

/// A volume with the data of an instance that went, given to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptData {
    /// The instance that went and its stack, as they were called last: `shop/db`; none where nobody remembers.
    pub of: Option<String>,
    /// What became of the values that belong to the data.
    pub values: GivenBack,
}

impl AppliedState {
    /// What a container of an instance was made from, by its config hash.
    pub fn spec(&self, instance: &str, hash: Option<&str>) -> Option<&AppliedSpec> {
        let specs = self.applied.get(&InstanceId::new(instance))?;
        specs.iter().find(|known| Some(known.hash.as_str()) == hash)
    }

    /// What the instances that were applied are wired to, by their names now.
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

    /// Whether a container of an instance was ever seen ready.
    pub fn was_applied(&self, instance: &InstanceId) -> bool {
        let mut specs = self.applied.get(instance).into_iter().flatten();
        specs.any(|known| known.state != SpecState::Begun)
    }

    /// What an instance's container was last made from: the last that was seen ready, or else the last that was begun.
    pub fn last_applied(&self, instance: &InstanceId) -> Option<&AppliedSpec> {
        let specs = self.applied.get(instance)?;
        specs.iter().find(|known| known.state != SpecState::Begun).or_else(|| specs.first())
    }

    /// The bind mounts that the instances which were applied have, and whether they are read-only.
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

    /// Whether a container of an instance had that volume.
    pub fn had_volume(&self, instance: &InstanceId, volume: &PhysicalVolume) -> bool {
        let specs = self.applied.get(instance).into_iter().flatten();
        let specs = specs.filter(|known| known.state != SpecState::Begun);
        let mut mounts = specs.flat_map(|known| mounts(&known.spec));
        mounts.any(|mount| matches!(mount.source, MountFrom::Volume(known) if known == *volume))
    }
}

/// What a container was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedSpec {
    /// Its config hash.
    pub hash: String,
    /// Its spec as it may be shown; the left side of diffs.
    pub spec: serde_json::Value,
    /// Its secrets by field; or why they can't be read.
    pub secrets: Result<BTreeMap<String, Secret>, Undecryptable>,
    /// What is known of the container.
    pub state: SpecState,
}

impl AppliedSpec {
    /// Reads what [`crate::desired::ContainerRecipe::memory`] wrote. Secrets that cannot be read are told apart.
    ///
    /// # Errors
    ///
    /// Where the rest is no JSON.
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

    /// Whether it is of that spec. The name of an image that the stack builds makes no other container.
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

    /// Its bind mounts, and whether they are read-only.
    fn binds(&self) -> BTreeSet<(String, bool)> {
        let bind = |mount: Mount| match mount.source {
            MountFrom::Bind(path) => Some((path, mount.read_only)),
            MountFrom::Volume(_) => None,
        };
        mounts(&self.spec).into_iter().filter_map(bind).collect()
    }

    /// What its imports were wired to.
    fn wires(&self) -> BTreeMap<String, Endpoint> {
        let wires = self.spec.get(WIRES).and_then(|wires| wires.as_object());
        let known = wires.into_iter().flatten();
        let read =
            known.filter_map(|(import, to)| Some((import.clone(), Endpoint::of_memory(to.as_str()?)?)));
        read.collect()
    }
}

/// What came of giving values back, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GivenBack {
    /// They are those the volume was last used with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub same: Vec<String>,
    /// They are new: what the volume was last used with is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub new: Vec<String>,
    /// The definition gives others than the volume was last used with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other: Vec<String>,
}

/// What is known of a container that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecState {
    /// It is going to be made, or an apply was interrupted about then: perhaps it never was.
    Begun,
    /// It was made, by an apply that came to its end. Where it is gone somebody else removed it.
    Completed,
    /// It was removed since, as it was wanted.
    Removed,
}

impl SpecState {
    const ALL: [Self; 3] = [Self::Begun, Self::Completed, Self::Removed];

    /// As it is stored.
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
