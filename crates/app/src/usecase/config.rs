//! Effective configs for display, with the origin of each value: taken from what the engine would be asked to create,
//! so that they cannot contain a secret.

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

/// The effective configs of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Configs {
    /// The configs of its instances.
    pub instances: Vec<InstanceConfig>,
    /// Findings about their wires.
    pub findings: Vec<Finding>,
}

/// Returns the effective configs of a stack's instances, or of one.
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

/// Fails if a stack does not have an instance.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack))]
pub async fn find_instance(
    ctx: &Context,
    stack: &StackName,
    name: &InstanceName,
) -> Result<(), OperationError> {
    instance(&find_stack(ctx, stack).await?, name).map(|_| ())
}

/// Returns what an edit changed in an instance's effective config, including values from its wires.
pub fn config_changes(ctx: &Context, before: &Stack, after: &Stack, name: &InstanceName) -> Vec<FieldDiff> {
    let wired = |stack| wired_with(stack, &PreviousWiring::new(), &LinkedInstances::new()).effective;
    let (was, is) = (wired(before), wired(after));
    let before = Version { stack: before, effective: &was };
    changes_between(ctx, name, before, Version { stack: after, effective: &is })
}

/// Returns a template for display: secrets are redacted by their type.
pub fn shown_template(template: &Template) -> Result<Value, SerializeError> {
    Ok(serde_json::to_value(template)?)
}
