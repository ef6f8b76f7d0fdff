//! New stacks and instances, and copies with ids of their own.

use crate::definition::secrets::new_id;
use devarch_core::{
    environment::Ids,
    id::{InstanceId, StackId},
    name::StackName,
    secret::KeptSecret,
    stack::{DesiredRun, Instance, Pinned, Stack},
    template::Overrides,
    wire::Wiring,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// A stack without instances.
pub(crate) fn empty_stack(ids: &dyn Ids, name: &StackName, project: Option<&Path>) -> Stack {
    Stack {
        id: StackId::new(ids.fresh()),
        name: name.clone(),
        project: project.map(|dir| dir.to_string_lossy().into_owned()),
        enabled: true,
        revision: 0,
        engine: None,
        subnet: None,
        imported: None,
        allow: BTreeSet::new(),
        secrets: BTreeMap::new(),
        wiring: Wiring::default(),
        instances: BTreeMap::new(),
    }
}

/// Creates an instance without overrides.
pub(crate) fn empty_instance(ids: &dyn Ids, stack: &Stack, template: Pinned) -> Instance {
    Instance {
        id: InstanceId::new(ids.fresh()),
        template,
        overrides: Overrides::default(),
        enabled: true,
        wanted: DesiredRun::Running,
        slot: stack.free_slot(),
        ports: BTreeMap::new(),
        volumes: BTreeMap::new(),
        generated: BTreeMap::new(),
    }
}

/// Copies secrets under new ids.
pub(crate) fn copied<N: Ord + Clone>(
    ids: &dyn Ids,
    secrets: &BTreeMap<N, KeptSecret>,
) -> BTreeMap<N, KeptSecret> {
    let copy = |kept: &KeptSecret| KeptSecret { id: new_id(ids), ..kept.clone() };
    secrets.iter().map(|(name, kept)| (name.clone(), copy(kept))).collect()
}
