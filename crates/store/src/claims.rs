//! Compares what an edit newly claims with what other stacks hold.
//!
//! The database's constraints would reject the same claims (except overlaps, which they cannot express), but without
//! naming the holder; SQLite does not even name the constraint. [`crate::db::Database::edit`] keeps what is compared
//! here true until the edit is written.

use crate::{
    db::{Result, Tx},
    error::{StackError, StoreError, TakenWhat},
    instances, ports,
    rows::Rows,
    stacks, volumes,
};
use devarch_core::{id::StackId, port::HostSocket, stack::Stack, subnet::overlap};
use ipnet::Ipv4Net;

/// A physical name and the instance that holds it.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Held {
    value: String,
    stack: String,
    instance: String,
}

/// A host port and its holder.
struct HeldPort {
    socket: HostSocket,
    owner: String,
}

fn owner(instance: &str, stack: &str) -> String {
    format!("instance '{instance}' of stack '{stack}'")
}

fn taken(what: TakenWhat, value: String, owner: Option<String>) -> StoreError {
    StackError::Taken { what, value, owner }.into()
}

/// Rejects the edit of `stack` from `old` to `new` rows if it claims something that others hold.
pub(crate) async fn check(tx: &mut Tx, host: &str, stack: &Stack, old: &Rows, new: &Rows) -> Result<()> {
    if let Some(project) = stacks::namesake(tx, stack).await? {
        let owner = project.map(|project| format!("the stack made from {project}"));
        return Err(taken(TakenWhat::StackName, stack.name.to_string(), owner));
    }
    containers(tx, stack, old, new).await?;
    physical_volumes(tx, stack, old, new).await?;
    host_ports(tx, host, stack, old, new).await
}

async fn containers(tx: &mut Tx, stack: &Stack, old: &Rows, new: &Rows) -> Result<()> {
    let claimed: Vec<&str> = new
        .instances
        .values()
        .filter(|row| {
            let before = old.instances.get(&row.id);
            before.is_none_or(|before| before.container_name != row.container_name)
        })
        .map(|row| row.container_name.as_str())
        .collect();
    if claimed.is_empty() {
        return Ok(());
    }
    let held = instances::held_by_others(tx, stack.id.as_str()).await?;
    refuse_held(TakenWhat::ContainerName, &claimed, &held)
}

async fn physical_volumes(tx: &mut Tx, stack: &Stack, old: &Rows, new: &Rows) -> Result<()> {
    let claimed: Vec<&str> =
        new.volumes.difference(&old.volumes).map(|row| row.physical_name.as_str()).collect();
    if claimed.is_empty() {
        return Ok(());
    }
    let mut seen: Vec<Held> = Vec::new();
    for row in &new.volumes {
        let own = Held {
            value: row.physical_name.clone(),
            stack: stack.name.to_string(),
            instance: new.instance_name(&row.instance_id).to_owned(),
        };
        refuse_held(TakenWhat::VolumeName, &[&own.value], &seen)?;
        seen.push(own);
    }
    let held = volumes::held_by_others(tx, stack.id.as_str()).await?;
    refuse_held(TakenWhat::VolumeName, &claimed, &held)
}

fn refuse_held(what: TakenWhat, claimed: &[&str], held: &[Held]) -> Result<()> {
    let holder = held.iter().find(|held| claimed.contains(&held.value.as_str()));
    match holder {
        Some(held) => {
            let owner = owner(&held.instance, &held.stack);
            Err(taken(what, held.value.clone(), Some(owner)))
        }
        None => Ok(()),
    }
}

async fn host_ports(tx: &mut Tx, host: &str, stack: &Stack, old: &Rows, new: &Rows) -> Result<()> {
    if new.ports.is_subset(&old.ports) {
        return Ok(());
    }
    let others = ports::reservations(tx, host, stack.id.as_str()).await?;
    let mut held: Vec<HeldPort> = others
        .into_iter()
        .map(|port| HeldPort {
            socket: port.socket,
            owner: owner(port.instance.as_str(), port.stack.as_str()),
        })
        .collect();
    for row in &new.ports {
        let (key, binding) = row.read().map_err(|error| tx.damaged(error))?;
        let socket = binding.socket(key.protocol);
        if let Some(held) = held.iter().find(|held| held.socket.overlaps(&socket)) {
            return Err(taken(TakenWhat::HostPort, socket.to_string(), Some(held.owner.clone())));
        }
        held.push(HeldPort {
            socket,
            owner: owner(new.instance_name(&row.instance_id), stack.name.as_str()),
        });
    }
    Ok(())
}

/// Rejects a subnet that overlaps another stack's on this host.
pub(crate) async fn check_subnet(
    tx: &mut Tx,
    host: &str,
    stack: &StackId,
    subnet: Option<Ipv4Net>,
) -> Result<()> {
    let Some(subnet) = subnet else {
        return Ok(());
    };
    let others = stacks::subnets(tx, host, stack.as_str()).await?;
    let overlapping = others.iter().find(|(_, other)| overlap(other, &subnet));
    match overlapping {
        Some((name, _)) => {
            let owner = format!("stack '{name}'");
            Err(taken(TakenWhat::Subnet, subnet.to_string(), Some(owner)))
        }
        None => Ok(()),
    }
}
