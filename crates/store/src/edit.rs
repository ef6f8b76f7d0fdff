//! Writes the difference between two versions of a stack in one transaction.

use crate::{
    claims, contents,
    db::{Result, Tx},
    error::{StackError, StoreError},
    instances,
    kept::{self, KeptRow, LetGo},
    ports,
    rows::Rows,
    secrets::{self, SecretRow},
    stacks, templates,
    volumes::{self, VolumeRow},
    wirings,
};
use devarch_core::{engine::EngineBinding, id::StackId, stack::Stack};
use ipnet::Ipv4Net;

/// Inserts a stack.
pub(crate) async fn create(tx: &mut Tx, host: &str, stack: &Stack) -> Result<()> {
    let (none, rows) = (Rows::default(), Rows::of(stack)?);
    contents::check(tx, None, stack).await?;
    claims::check(tx, host, stack, &none, &rows).await?;
    stacks::insert(tx, stack).await?;
    bind(tx, host, &stack.id, stack.engine.as_ref(), stack.subnet).await?;
    if !stack.wiring.is_empty() {
        wirings::write(tx, stack).await?;
    }
    write(tx, host, &none, &rows).await
}

/// Updates a stack from `before`, as it was read, to `after`; returns its new revision.
pub(crate) async fn save(
    tx: &mut Tx,
    host: &str,
    before: &Stack,
    after: &Stack,
    let_go: &LetGo,
) -> Result<i64> {
    let revision = stacks::advance(tx, before).await?;
    let revision = revision.ok_or_else(|| changed(before))?;
    let (old, new) = (Rows::of(before)?, Rows::of(after)?);
    contents::check(tx, Some(before), after).await?;
    claims::check(tx, host, after, &old, &new).await?;
    stacks::update(tx, before, after).await?;
    if (&before.engine, before.subnet) != (&after.engine, after.subnet) {
        stacks::unbind(tx, &after.id).await?;
        bind(tx, host, &after.id, after.engine.as_ref(), after.subnet).await?;
    }
    if before.wiring != after.wiring {
        wirings::write(tx, after).await?;
    }
    keep_volumes(tx, before, &old, &new, let_go).await?;
    write(tx, host, &old, &new).await?;
    Ok(revision)
}

/// Deletes a stack, as it was read. Its volumes on the engine become kept volumes.
pub(crate) async fn delete(tx: &mut Tx, stack: &Stack, let_go: &LetGo) -> Result<()> {
    if !stacks::delete(tx, stack).await? {
        return Err(changed(stack));
    }
    keep_volumes(tx, stack, &Rows::of(stack)?, &Rows::default(), let_go).await?;
    if let Some(engine) = &stack.engine {
        for volume in &let_go.gone {
            kept::forget(tx, &engine.id, volume).await?;
        }
    }
    templates::sweep(tx).await
}

/// Records a stack's engine and network as far as given, and reserves the addresses.
pub(crate) async fn bind(
    tx: &mut Tx,
    host: &str,
    stack: &StackId,
    engine: Option<&EngineBinding>,
    subnet: Option<Ipv4Net>,
) -> Result<()> {
    if engine.is_none() && subnet.is_none() {
        return Ok(());
    }
    claims::check_subnet(tx, host, stack, subnet).await?;
    if stacks::bind(tx, host, stack, engine, subnet).await? {
        Ok(())
    } else {
        Err(StackError::Gone { stack: stack.clone() }.into())
    }
}

fn changed(stack: &Stack) -> StoreError {
    StackError::Changed { stack: stack.name.clone() }.into()
}

/// Records the volumes an edit lets go of, if the stack has an engine, and copies of their data.
async fn keep_volumes(tx: &mut Tx, stack: &Stack, old: &Rows, new: &Rows, let_go: &LetGo) -> Result<()> {
    let Some(engine) = &stack.engine else {
        return Ok(());
    };
    let stays = |row: &VolumeRow| {
        let mut used = new.volumes.iter();
        used.any(|other| other.physical_name == row.physical_name)
            || let_go.gone.iter().any(|gone| gone.as_str() == row.physical_name)
    };
    for row in old.volumes.difference(&new.volumes) {
        if stays(row) {
            continue;
        }
        let kept = KeptRow {
            engine_id: engine.id.to_string(),
            physical_name: row.physical_name.clone(),
            stack_id: stack.id.to_string(),
            stack_name: stack.name.to_string(),
            instance_id: row.instance_id.clone(),
            instance_name: old.instance_name(&row.instance_id).to_owned(),
            volume: row.name.clone(),
        };
        let values = let_go.values.iter().find(|(volume, _)| volume.as_str() == row.physical_name);
        let values = values.map(|(_, values)| values);
        kept::insert(tx, &kept, values).await?;
        for (copy, _) in let_go.copies.iter().filter(|(_, of)| of.as_str() == row.physical_name) {
            let copy = KeptRow { physical_name: copy.to_string(), ..kept.clone() };
            kept::insert(tx, &copy, values).await?;
        }
    }
    Ok(())
}

/// Writes the rows that differ: first those that free names and ports, then those that claim them.
async fn write(tx: &mut Tx, host: &str, old: &Rows, new: &Rows) -> Result<()> {
    for (digest, template) in &new.templates {
        if !old.templates.contains_key(digest) {
            templates::keep(tx, digest, template).await?;
        }
    }
    for row in old.ports.difference(&new.ports) {
        ports::delete(tx, host, row).await?;
    }
    for row in old.volumes.difference(&new.volumes) {
        volumes::delete(tx, row).await?;
    }
    for id in old.secrets.keys().filter(|id| !new.secrets.contains_key(*id)) {
        secrets::delete(tx, id).await?;
    }
    write_instances(tx, old, new).await?;
    write_secrets(tx, old, new).await?;
    for row in new.ports.difference(&old.ports) {
        ports::insert(tx, host, row).await?;
    }
    for row in new.volumes.difference(&old.volumes) {
        volumes::insert(tx, row).await?;
        kept::regained(tx, &row.physical_name, &row.instance_id).await?;
    }
    if old.templates.keys().any(|digest| !new.templates.contains_key(digest)) {
        templates::sweep(tx).await?;
    }
    Ok(())
}

async fn write_instances(tx: &mut Tx, old: &Rows, new: &Rows) -> Result<()> {
    for (id, row) in &old.instances {
        match new.instances.get(id) {
            None => instances::delete(tx, id).await?,
            Some(after) if row.moves(after) => instances::park(tx, id).await?,
            Some(_) => {}
        }
    }
    for (id, row) in &new.instances {
        match old.instances.get(id) {
            None => instances::insert(tx, row).await?,
            Some(before) if before != row => instances::update(tx, before, row).await?,
            Some(_) => {}
        }
    }
    Ok(())
}

async fn write_secrets(tx: &mut Tx, old: &Rows, new: &Rows) -> Result<()> {
    for (id, row) in &old.secrets {
        let renamed = |after: &SecretRow| (&after.instance_id, &after.name) != (&row.instance_id, &row.name);
        if new.secrets.get(id).is_some_and(renamed) {
            secrets::park(tx, id).await?;
        }
    }
    for (id, row) in &new.secrets {
        match old.secrets.get(id) {
            None => secrets::insert(tx, row).await?,
            Some(before) if before != row => secrets::update(tx, before, row).await?,
            Some(_) => {}
        }
    }
    Ok(())
}
