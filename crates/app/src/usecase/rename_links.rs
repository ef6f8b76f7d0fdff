//! Keeps wires of other stacks valid when a stack or instance is renamed.

use crate::{Context, OperationError, editing::edit::edit_stack};
use devarch_core::{
    name::{InstanceName, StackName},
    stack::Stack,
    wire::Renamed,
};
use std::collections::BTreeSet;

/// Changes the wires of stacks linked to a stack to its new name, or its instance's.
pub(crate) async fn rename_links(
    ctx: &Context,
    stack: Renamed<'_, StackName>,
    instance: Option<Renamed<'_, InstanceName>>,
) -> Result<(), OperationError> {
    let linked: BTreeSet<StackName> =
        ctx.store.wirings_to(stack.from).await?.into_iter().map(|(name, _)| name).collect();
    for name in linked {
        let follow = |linked: &mut Stack| {
            linked.wiring.rename_other(stack, instance);
            Ok(())
        };
        edit_stack(ctx, &name, follow).await?;
    }
    Ok(())
}
