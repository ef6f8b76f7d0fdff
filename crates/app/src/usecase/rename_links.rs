//! Wires of other stacks follow a new name.

use crate::{Context, OperationError, editing::edit::edit_stack};
use devarch_core::{
    name::{InstanceName, StackName},
    stack::Stack,
    wire::Renamed,
};
use std::collections::BTreeSet;

/// Stacks that are linked to one follow its new name, or that of its instance.
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
