//! Reads stacks with one query per table, regardless of the number of stacks and instances.

use crate::{
    db::{Result, Tx, Unreadable},
    instances::{self, InstanceRow},
    ports::{self, PortRow},
    secrets::{self, SecretRow},
    stacks,
    templates::{self, Templates},
    volumes::{self, VolumeRow},
    wirings,
};
use devarch_core::{
    name::{InstanceName, StackName},
    stack::{Instance, Stack},
    wire::Wiring,
};
use std::collections::HashMap;

/// The rows of a stack except its own.
struct Below {
    templates: Templates,
    instances: Vec<InstanceRow>,
    ports: Vec<PortRow>,
    volumes: Vec<VolumeRow>,
    secrets: Vec<SecretRow>,
    wirings: HashMap<String, Wiring>,
}

/// An instance with its stack.
struct Placed {
    stack: String,
    name: InstanceName,
    instance: Instance,
}

/// Returns the stack with this name.
pub(crate) async fn one(tx: &mut Tx, host: &str, name: &StackName) -> Result<Option<Stack>> {
    let Some(row) = stacks::load(tx, Some(name)).await?.pop() else {
        return Ok(None);
    };
    let id = row.id().to_owned();
    Ok(assemble(tx, host, vec![row], Some(&id)).await?.pop())
}

/// Returns all stacks, by name.
pub(crate) async fn all(tx: &mut Tx, host: &str) -> Result<Vec<Stack>> {
    let rows = stacks::load(tx, None).await?;
    assemble(tx, host, rows, None).await
}

async fn assemble(
    tx: &mut Tx,
    host: &str,
    rows: Vec<stacks::StackRow>,
    only: Option<&str>,
) -> Result<Vec<Stack>> {
    let below = Below {
        templates: templates::load(tx, only).await?,
        instances: instances::load(tx, only).await?,
        ports: ports::load(tx, host, only).await?,
        volumes: volumes::load(tx, only).await?,
        secrets: secrets::load(tx, only).await?,
        wirings: wirings::load(tx, only).await?,
    };
    join(rows, below).map_err(|error| tx.damaged(error))
}

fn join(rows: Vec<stacks::StackRow>, mut below: Below) -> std::result::Result<Vec<Stack>, Unreadable> {
    let mut by_stack: HashMap<String, Vec<Placed>> = HashMap::new();
    let own = below.secrets.extract_if(.., |secret| secret.instance_id.is_none());
    let mut own_secrets: HashMap<String, Vec<SecretRow>> = HashMap::new();
    for secret in own {
        own_secrets.entry(secret.stack_id.clone()).or_default().push(secret);
    }
    let mut wirings = std::mem::take(&mut below.wirings);
    for placed in placed(below)? {
        by_stack.entry(placed.stack.clone()).or_default().push(placed);
    }
    rows.into_iter()
        .map(|row| {
            let instances = by_stack.remove(row.id()).unwrap_or_default();
            let secrets = own_secrets.remove(row.id()).unwrap_or_default();
            let wiring = wirings.remove(row.id()).unwrap_or_default();
            let mut stack = row.read()?;
            stack.wiring = wiring;
            stack.secrets =
                secrets.into_iter().map(SecretRow::read).collect::<std::result::Result<_, _>>()?;
            stack.instances = instances.into_iter().map(|placed| (placed.name, placed.instance)).collect();
            Ok(stack)
        })
        .collect()
}

fn placed(below: Below) -> std::result::Result<Vec<Placed>, Unreadable> {
    let mut by_id: HashMap<String, Placed> = HashMap::with_capacity(below.instances.len());
    for row in below.instances {
        let (id, stack, called) = (row.id.clone(), row.stack_id.clone(), row.container_name.clone());
        let (name, instance) = row
            .read(&below.templates)
            .map_err(|error| format!("instance {called} cannot be read: {error}"))?;
        let placed = Placed { stack, name, instance };
        by_id.insert(id, placed);
    }
    for row in below.ports {
        if let Some(placed) = by_id.get_mut(&row.instance_id) {
            placed.instance.ports.extend([row.read()?]);
        }
    }
    for row in below.volumes {
        if let Some(placed) = by_id.get_mut(&row.instance_id) {
            placed.instance.volumes.extend([row.read()?]);
        }
    }
    for row in below.secrets {
        let owner = row.instance_id.as_deref().and_then(|id| by_id.get_mut(id));
        if let Some(placed) = owner {
            placed.instance.generated.extend([row.read()?]);
        }
    }
    Ok(by_id.into_values().collect())
}
