//! Names that are taken, and free alternatives.

use crate::{Context, OperationError, error::Conflict};
use devarch_core::{
    name::{ContainerName, InstanceName, StackName},
    stack::Stack,
};
use devarch_store::{StackError, StoreError, TakenWhat};
use std::collections::BTreeSet;

/// The numbers that are tried as a suffix.
const NUMBERS: std::ops::Range<u32> = 2..1000;

/// The names of all stacks and of all their containers.
struct Taken {
    stacks: BTreeSet<StackName>,
    containers: BTreeSet<ContainerName>,
}

impl Taken {
    fn of(stacks: &[Stack]) -> Self {
        let containers = stacks.iter().flat_map(|stack| {
            stack.instances.keys().map(|name| ContainerName::for_instance(&stack.name, name))
        });
        Self {
            stacks: stacks.iter().map(|stack| stack.name.clone()).collect(),
            containers: containers.flatten().collect(),
        }
    }

    fn is_free(&self, stack: &StackName, instance: &InstanceName) -> bool {
        ContainerName::for_instance(stack, instance).is_ok_and(|name| !self.containers.contains(&name))
    }

    fn free_stack(&self, wanted: &StackName, instances: &[&InstanceName]) -> Option<String> {
        let free = |name: &StackName| {
            !self.stacks.contains(name) && instances.iter().all(|instance| self.is_free(name, instance))
        };
        let numbered = |number| StackName::numbered(wanted.as_str(), number).parse::<StackName>().ok();
        NUMBERS.filter_map(numbered).find(free).map(|name| name.to_string())
    }

    fn free_instance(&self, stack: &StackName, wanted: &InstanceName) -> Option<String> {
        let numbered = |number| InstanceName::numbered(wanted.as_str(), number).parse::<InstanceName>().ok();
        NUMBERS.filter_map(numbered).find(|name| self.is_free(stack, name)).map(|name| name.to_string())
    }
}

/// Adds a free name to the error of an edit whose stack name, with these instances, is taken.
pub(crate) async fn suggesting_stack(
    ctx: &Context,
    refused: OperationError,
    wanted: &StackName,
    instances: &[&InstanceName],
) -> OperationError {
    suggesting(ctx, refused, |taken| taken.free_stack(wanted, instances)).await
}

/// Adds a free name to the error of an edit whose instance name is taken.
pub(crate) async fn suggesting_instance(
    ctx: &Context,
    refused: OperationError,
    stack: &StackName,
    wanted: &InstanceName,
) -> OperationError {
    suggesting(ctx, refused, |taken| taken.free_instance(stack, wanted)).await
}

async fn suggesting(
    ctx: &Context,
    refused: OperationError,
    free: impl Fn(&Taken) -> Option<String>,
) -> OperationError {
    let is_name = |what: TakenWhat| matches!(what, TakenWhat::StackName | TakenWhat::ContainerName);
    let taken = match refused {
        OperationError::Conflict(Conflict::NameTaken { taken, .. }) => taken,
        OperationError::Store(StoreError::Stack(StackError::Taken { what, .. })) if is_name(what) => {
            refused.to_string()
        }
        other => return other,
    };
    let free = ctx.store.stacks().await.ok().and_then(|stacks| free(&Taken::of(&stacks)));
    Conflict::NameTaken { taken, free }.into()
}
