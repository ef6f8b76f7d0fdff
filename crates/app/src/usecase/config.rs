//! Effective configs as they may be shown: taken from what the engine would be asked to make, so that no secret can
//! be in them, with where each value comes from.

use crate::{
    Context, OperationError,
    context::{find_stack, instance},
    planning::{
        effective::{InstanceConfig, Version, changes_between, instance_config},
        wiring::{findings, wire_stack, wired_with},
    },
};
use devarch_core::{
    diagnostic::Finding,
    name::{InstanceName, StackName},
    plan::FieldDiff,
    resolve::{LinkedInstances, PreviousWiring},
    serialize::SerializeError,
    stack::Stack,
    template::Template,
};
use serde::Serialize;
use serde_json::Value;

/// What a stack's instances amount to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Configs {
    /// Them.
    pub instances: Vec<InstanceConfig>,
    /// What was found of their wires.
    pub findings: Vec<Finding>,
}

/// The effective configs of a stack's instances, or of one.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn stack_config(
    ctx: &Context,
    name: &StackName,
    only: Option<&InstanceName>,
) -> Result<Configs, OperationError> {
    let stack = find_stack(ctx, name).await?;
    if let Some(only) = only {
        instance(&stack, only)?;
    }
    let chosen = stack.instances.keys().filter(|name| only.is_none_or(|only| only == *name));
    let wired = wire_stack(ctx, &stack).await?;
    let instances = chosen.filter_map(|name| instance_config(ctx, &stack, name, &wired.effective));
    Ok(Configs { instances: instances.collect(), findings: findings(&wired.resolution, only) })
}

/// Refuses an instance that a stack does not have.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack))]
pub async fn find_instance(
    ctx: &Context,
    stack: &StackName,
    name: &InstanceName,
) -> Result<(), OperationError> {
    instance(&find_stack(ctx, stack).await?, name).map(|_| ())
}

/// What an edit changed in an instance's effective config, what its wires give included.
pub fn config_changes(ctx: &Context, before: &Stack, after: &Stack, name: &InstanceName) -> Vec<FieldDiff> {
    let wired = |stack| wired_with(stack, &PreviousWiring::new(), &LinkedInstances::new()).effective;
    let (was, is) = (wired(before), wired(after));
    let before = Version { stack: before, effective: &was };
    changes_between(ctx, name, before, Version { stack: after, effective: &is })
}

/// A template as it may be shown: what is secret in it is redacted by its type.
pub fn shown_template(template: &Template) -> Result<Value, SerializeError> {
    Ok(serde_json::to_value(template)?)
}
