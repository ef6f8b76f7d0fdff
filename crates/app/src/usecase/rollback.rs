//! Rolls a stack back to its definition at an earlier apply.

use crate::{
    Context, OperationError,
    context::find_stack,
    definition::recorded::Definition,
    editing::{
        edit::complete_edit,
        import::{Draft, declare},
    },
    error::{ApplyError, NotFound},
    usecase::history::find_apply,
};
use devarch_core::name::StackName;
use devarch_store::{Apply, ApplyOutcome};

/// How many applies are searched for an earlier state.
const LOOK_BACK: u32 = 200;

/// Drafts a stack with its definition at an earlier apply: the named one, or the last successful one with a different
/// definition. Its current names, ports and volumes are kept. Nothing is saved yet.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn draft_rollback(
    ctx: &Context,
    name: &StackName,
    id: Option<&str>,
) -> Result<Draft, OperationError> {
    let before = find_stack(ctx, name).await?;
    let apply = match id {
        Some(_) => find_apply(ctx, name, id).await?,
        None => earlier_definition(ctx, &before, name).await?,
    };
    let definition = read(&apply)?;
    let mut stack = before.clone();
    declare(ctx.ids.as_ref(), &mut stack, &definition.file, &definition.pins());
    stack.enabled = definition.enabled;
    stack.imported.clone_from(&before.imported);
    complete_edit(ctx, &mut stack, name).await?;
    Ok(Draft { stack, ..Draft::from_stack(before) })
}

async fn earlier_definition(
    ctx: &Context,
    now: &devarch_core::stack::Stack,
    name: &StackName,
) -> Result<Apply, OperationError> {
    let current = Definition::from_stack(now);
    let applies = ctx.store.applies(&now.id, LOOK_BACK).await?;
    let mut succeeded = applies
        .into_iter()
        .filter(|apply| apply.outcome == ApplyOutcome::Succeeded && apply.command != "down");
    succeeded
        .find(|apply| read(apply).is_ok_and(|definition| definition != current))
        .ok_or_else(|| NotFound::Apply { stack: name.clone(), id: None }.into())
}

fn read(apply: &Apply) -> Result<Definition, OperationError> {
    let unreadable = |source| ApplyError::Journal { apply: apply.id.clone(), source }.into();
    apply.definition.read().map_err(unreadable)
}
