//! Edits of a stack's definition: load, change, assign, check, save. None touches an engine.

use crate::{
    Context, OperationError,
    context::find_stack,
    definition::secrets::{generate, seal},
    editing::{
        assign::{Reservations, assign},
        scrub::{scrub_new_secrets, wipe_values},
    },
    error::{DefinitionError, unworkable},
    planning::{kept::let_go_of_volumes, wiring::wired_with},
};
use devarch_core::{
    desired::effective,
    diagnostic::Problem,
    name::StackName,
    resolve::{LinkedInstances, PreviousWiring, check_edit, check_stack},
    stack::Stack,
};
use devarch_store::{StackError, StoreError, TakenWhat};
use std::collections::BTreeMap;

/// How often an edit is retried after a concurrent one.
pub(crate) const ATTEMPTS: usize = 10;

/// Changes a stack and saves the result, retrying on the store's new state after a concurrent edit. Returns the stack
/// before and after.
pub(crate) async fn edit_stack(
    ctx: &Context,
    name: &StackName,
    change: impl Fn(&mut Stack) -> Result<(), OperationError>,
) -> Result<(Stack, Stack), OperationError> {
    let mut attempt = 0;
    loop {
        let before = find_stack(ctx, name).await?;
        let mut after = before.clone();
        change(&mut after)?;
        complete_edit(ctx, &mut after, name).await?;
        match save_edit(ctx, &before, &mut after).await {
            Ok(()) => return Ok((before, after)),
            Err(OperationError::Store(error)) if attempt < ATTEMPTS && is_race(&error) => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Saves an edit and the values that belong to the data of volumes it releases; `after` gets its new revision.
pub(crate) async fn save_edit(
    ctx: &Context,
    before: &Stack,
    after: &mut Stack,
) -> Result<(), OperationError> {
    let let_go = Box::pin(let_go_of_volumes(ctx, before, after)).await?;
    let wipe = scrub_new_secrets(ctx, before, after).await?;
    after.revision = ctx.store.save_stack(before, after, &let_go).await?;
    wipe_values(ctx, wipe).await
}

/// Adds a stack to the store.
pub(crate) async fn add_stack(ctx: &Context, mut stack: Stack) -> Result<Stack, OperationError> {
    let mut attempt = 0;
    loop {
        let name = stack.name.clone();
        complete_edit(ctx, &mut stack, &name).await?;
        match ctx.store.create_stack(&stack).await {
            Ok(()) => return Ok(stack),
            Err(error) if attempt < ATTEMPTS && is_port_taken(&error) => {
                attempt += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Assigns a changed stack's names, ports and volumes, and rejects one that cannot work. `known_as` is its name in the
/// store: what is recorded there belongs to it, even during a rename.
pub(crate) async fn complete_edit(
    ctx: &Context,
    stack: &mut Stack,
    known_as: &StackName,
) -> Result<(), OperationError> {
    stack.container_names()?;
    let name = stack.name.clone();
    stack.wiring.name_own(&name);
    check(stack)?;
    seal(stack);
    generate(stack, ctx)?;
    let reservations = Reservations::of_others(ctx.store.host_ports().await?, known_as);
    assign(stack, &ctx.store_id, ctx.settings.ports, &reservations, ctx.host.as_ref())
        .map_err(|problems| DefinitionError::PortsTaken { stack: stack.name.clone(), problems }.into())
}

/// Returns whether an edit failed because of a concurrent one and succeeds when retried.
fn is_race(error: &StoreError) -> bool {
    matches!(error, StoreError::Stack(StackError::Changed { .. })) || is_port_taken(error)
}

fn is_port_taken(error: &StoreError) -> bool {
    matches!(error, StoreError::Stack(StackError::Taken { what: TakenWhat::HostPort, .. }))
}

/// Checks everything that can be checked without an engine.
fn check(stack: &Stack) -> Result<(), OperationError> {
    let mut problems: Vec<Problem> = stack
        .instances
        .iter()
        .flat_map(|(name, instance)| check_edit(name, &instance.template.template, &instance.overrides))
        .collect();
    problems.extend(check_stack(&effective(stack), &BTreeMap::new()));
    problems.extend(wired_with(stack, &PreviousWiring::new(), &LinkedInstances::new()).bad_offers());
    if problems.is_empty() { Ok(()) } else { Err(unworkable(stack, problems)) }
}
