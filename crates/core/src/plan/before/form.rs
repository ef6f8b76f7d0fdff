//! The stored forms of the state before an apply, as kept in the journal.

use super::{Before, BeforeContainer, BeforeInstance, InstanceKey, InstanceLabel};
use crate::{
    id::{StackId, StoreId},
    name::{InstanceName, NetworkName},
    record::{RecordError, Versioned, version},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The version written.
const VERSION: u64 = 2;

/// Version 2: instances are identified by their ids.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Form {
    store: StoreId,
    stack: StackId,
    #[serde(default, skip_serializing_if = "InstanceLabel::is_id")]
    label: InstanceLabel,
    containers: Vec<BeforeContainer>,
    networks: BTreeSet<NetworkName>,
    instances: BTreeMap<InstanceKey, BeforeInstance>,
}

/// Version 1: instances are identified by their names, and dependencies are stored apart from the containers.
#[derive(Deserialize)]
struct Form1 {
    store: StoreId,
    stack: StackId,
    containers: Vec<BeforeContainer>,
    networks: BTreeSet<NetworkName>,
    wanted: BTreeMap<InstanceName, BTreeSet<InstanceName>>,
}

impl From<Before> for Versioned<Form> {
    fn from(before: Before) -> Self {
        let Before { store, stack, label, containers, networks, instances } = before;
        Self::new(VERSION, Form { store, stack, label, containers, networks, instances })
    }
}

impl TryFrom<Value> for Before {
    type Error = RecordError;

    fn try_from(record: Value) -> Result<Self, RecordError> {
        if version(&record, VERSION)? == 1 {
            return Ok(serde_json::from_value::<Form1>(record)?.into());
        }
        let Form { store, stack, label, containers, networks, instances } = serde_json::from_value(record)?;
        Ok(Self { store, stack, label, containers, networks, instances })
    }
}

impl From<Form1> for Before {
    fn from(form: Form1) -> Self {
        let Form1 { store, stack, containers, networks, wanted } = form;
        let key = |name: &InstanceName| InstanceKey::new(name.as_str());
        let instances = wanted.into_iter().map(|(name, needs)| {
            let needs = needs.iter().map(key).collect();
            (key(&name), BeforeInstance { name, needs })
        });
        let instances = instances.collect();
        Self { store, stack, label: InstanceLabel::Name, containers, networks, instances }
    }
}
