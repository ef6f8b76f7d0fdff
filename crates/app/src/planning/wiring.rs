//! Wires of a stack: inspected, drawn, and passed to processes on the host.

use crate::{
    Context, LinkedFrom, OperationError, Target,
    context::{find_stack, instance},
    error::{ApplyError, DefinitionError},
    planning::{
        effective::instance_spec,
        links::{linked_from, linked_instances},
    },
};
use devarch_core::{
    desired::effective,
    diagnostic::{Finding, Problem, Severity},
    id::{EngineId, InstanceId},
    name::{InstanceName, StackName},
    ownership::Ownership,
    plan::{AppliedSpec, AppliedState},
    resolve::{LinkedInstances, PreviousWiring, WireContext, WiredStack, wired},
    stack::Stack,
    text::Text,
    wire::{Resolution, host_variables},
};
use devarch_store::Applied;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The wires of a stack, and the names of its instances.
#[derive(Debug, Clone, Serialize)]
pub struct Wires {
    /// Its instances.
    #[serde(skip)]
    pub instances: Vec<InstanceName>,
    /// Its wires, and problems with them.
    #[serde(flatten)]
    pub resolution: Resolution,
    /// The wires of other stacks that lead to its instances.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub linked_from: Vec<LinkedFrom>,
}

/// Returns a stack's wires as they would be resolved now.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn list_wires(ctx: &Context, name: &StackName) -> Result<Wires, OperationError> {
    let stack = find_stack(ctx, name).await?;
    let resolution = wire_stack(ctx, &stack).await?.resolution;
    let linked_from = linked_from(ctx, name, None).await?;
    Ok(Wires { instances: stack.instances.into_keys().collect(), resolution, linked_from })
}

/// Returns the environment of an instance: its container's, or that of a process on the host that replaces it.
#[tracing::instrument(level = "info", skip_all)]
pub async fn instance_environment(
    ctx: &Context,
    target: &Target,
    host: bool,
) -> Result<BTreeMap<String, Text>, OperationError> {
    let stack = find_stack(ctx, &target.stack).await?;
    let name = &target.instance;
    instance(&stack, name)?;
    let wired = wire_stack(ctx, &stack).await?;
    let refused = |problems| DefinitionError::Unwired { instance: name.clone(), problems };
    let own = wired.resolution.findings.iter().filter(|finding| {
        finding.severity == Severity::Error && finding.problem.instance.as_ref().is_none_or(|of| of == name)
    });
    let problems: Vec<Problem> = own.map(|finding| finding.problem.clone()).collect();
    if !problems.is_empty() {
        return Err(refused(problems).into());
    }
    let Some((spec, problems)) = instance_spec(ctx, &stack, name, &wired.effective) else {
        return Ok(BTreeMap::new());
    };
    if !problems.is_empty() {
        return Err(refused(problems).into());
    }
    if !host {
        return Ok(spec.environment);
    }
    let variables = host_variables(&wired.input, &wired.resolution, name);
    let variables =
        variables.map_err(|found| refused(found.into_iter().map(|finding| finding.problem).collect()))?;
    let mut all = spec.environment;
    all.retain(|variable, _| !wired.effective[name].wired.contains_key(variable));
    all.extend(variables.into_iter().map(|(name, wired)| (name, wired.value)));
    Ok(all)
}

/// Resolves a stack's wires against its applied state.
pub(crate) async fn wire_stack(ctx: &Context, stack: &Stack) -> Result<WiredStack, OperationError> {
    let prior = previous_wiring(ctx, stack).await?;
    Ok(wired_with(stack, &prior, &linked_instances(ctx, stack).await?))
}

/// Returns the wiring of a stack's running instances. Queries nothing if nothing can be wired.
pub(crate) async fn previous_wiring(ctx: &Context, stack: &Stack) -> Result<PreviousWiring, OperationError> {
    let needs = effective(stack).into_values().any(|config| !config.imports.is_empty());
    if needs { Ok(prior(stack, &load_applied_state(ctx, stack).await?)) } else { Ok(PreviousWiring::new()) }
}

/// Returns the owners of the objects on an engine.
pub(crate) async fn stack_ownership(
    ctx: &Context,
    engine: Option<&EngineId>,
) -> Result<Ownership, OperationError> {
    Ok(ctx.store.ownership(engine).await?)
}

/// Returns what the store recorded of earlier applies to the engine a stack is bound to.
pub(crate) async fn load_applied_state(ctx: &Context, stack: &Stack) -> Result<AppliedState, OperationError> {
    let applied = ctx.store.applied(&stack.id).await?;
    let read = |(id, specs): (InstanceId, Vec<Applied>)| {
        let specs = specs.into_iter().map(|applied| remembered(&id, applied));
        Ok::<_, OperationError>((id.clone(), specs.collect::<Result<_, _>>()?))
    };
    let applied = applied.into_iter().map(read).collect::<Result<_, _>>()?;
    let ownership = stack_ownership(ctx, stack.engine.as_ref().map(|binding| &binding.id)).await?;
    Ok(AppliedState { applied, spent_copies: BTreeSet::new(), ownership, kept: BTreeMap::new() })
}

/// Reads what an instance's container was created from.
pub(crate) fn remembered(instance: &InstanceId, applied: Applied) -> Result<AppliedSpec, OperationError> {
    let unreadable = |source| ApplyError::AppliedState { instance: instance.clone(), source }.into();
    AppliedSpec::read(applied.hash, &applied.spec, applied.state).map_err(unreadable)
}

/// Returns the wiring of a stack's running instances.
pub(crate) fn prior(stack: &Stack, remembered: &AppliedState) -> PreviousWiring {
    remembered.prior(stack.instances.iter().map(|(name, instance)| (name, &instance.id)))
}

/// Resolves a stack's wires without information about images.
pub(crate) fn wired_with(stack: &Stack, prior: &PreviousWiring, others: &LinkedInstances) -> WiredStack {
    let context = WireContext { images: &BTreeMap::new(), prior, others };
    wired(stack, effective(stack), &context)
}

/// Returns the findings about a stack's wires, or about one instance's.
pub(crate) fn findings(resolution: &Resolution, only: Option<&InstanceName>) -> Vec<Finding> {
    let concerns = |finding: &&Finding| {
        only.is_none_or(|only| finding.problem.instance.as_ref().is_none_or(|instance| instance == only))
    };
    resolution.findings.iter().filter(concerns).cloned().collect()
}
