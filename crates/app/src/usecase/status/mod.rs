//! The state of stacks: each engine is queried once, nothing is computed twice, nothing is changed.

mod own_checks;

use crate::{
    Context, HeldLock, OperationError,
    context::{connect_engine, find_stack},
    error::NotFound,
    planning::{
        interrupted::told,
        shown_plan::ShownPlan,
        wiring::{stack_ownership, wire_stack},
    },
    usecase::{lock::list_locks, status::own_checks::own_checks},
};
use devarch_core::{
    diagnostic::Finding,
    id::{ApplyId, ContainerId, StackId},
    name::{InstanceName, StackName},
    observed::{HealthState, ObservedContainer, RunState},
    ownership::{Owner, Ownership},
    port::PortKey,
    resolve::{Effective, WiredStack},
    spec::label,
    stack::{DesiredRun, Instance, Stack},
    template::{ContractType, DependencyCondition},
};
use devarch_engine::Engine;
use devarch_store::{Apply, ApplyOutcome};
use futures_util::future::{join_all, try_join};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

/// Options of a status query.
#[derive(Debug, Clone, Copy, Default)]
pub struct StatusOptions {
    /// Run health checks that neither engine nor system runs, and show the new results.
    pub probe: bool,
}

/// The state of a stack.
#[derive(Debug, Clone, Serialize)]
pub struct StackStatus {
    /// Its id.
    #[serde(skip)]
    pub id: StackId,
    /// The stack.
    pub name: StackName,
    /// Whether it is enabled.
    pub enabled: bool,
    /// The directory it was created from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The engine it is bound to, `docker` or `podman`; `None` before its first apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Why the state on the engine is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// The holder of its lock, or the plan it is kept for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<HeldLock>,
    /// Its last apply, unless that succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_apply: Option<LastApply>,
    /// Findings about its wires.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Its instances.
    pub instances: Vec<InstanceStatus>,
    /// Containers with its labels that DevArch has not recorded creating: no command touches them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_alone: Vec<String>,
}

/// An apply that has not ended, or did not succeed.
#[derive(Debug, Clone, Serialize)]
pub struct LastApply {
    /// Its id.
    pub apply: ApplyId,
    /// The command.
    pub command: String,
    /// The author: `ann@laptop`.
    pub author: String,
    /// When it began (milliseconds since the Unix epoch).
    pub started_at: i64,
    /// The steps that are in progress, or were when it was interrupted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepUnderWay>,
    /// Its state.
    #[serde(flatten)]
    pub stands: Stands,
}

/// A step that has started and not ended.
#[derive(Debug, Clone, Serialize)]
pub struct StepUnderWay {
    /// Instance and action: `db: wait until it is healthy`.
    pub what: String,
    /// When it started (milliseconds since the Unix epoch).
    pub since: i64,
}

/// The state of an apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Stands {
    /// In progress: the stack's lock is held.
    UnderWay,
    /// Interrupted: the stack's lock is free.
    Interrupted,
    /// Failed.
    Failed {
        /// The reason, with the container's last lines.
        error: String,
    },
}

/// The state of an instance.
#[derive(Debug, Clone, Serialize)]
pub struct InstanceStatus {
    /// The instance.
    pub name: InstanceName,
    /// The template it is created from.
    pub template: String,
    /// Its image.
    pub image: String,
    /// The desired run state of its container.
    pub wanted: DesiredRun,
    /// The observed state of its container; `None` if it does not exist.
    pub state: Option<RunState>,
    /// The result of its health checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthState>,
    /// When its last health check ended (RFC 3339), if DevArch ran it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<String>,
    /// The exit code, if it has exited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// The engine's description: `Up 5 minutes`.
    pub status: String,
    /// The address of its container in the stack's network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Its host ports.
    pub ports: Vec<PortStatus>,
    /// Its URLs for a browser while it runs.
    pub urls: Vec<String>,
    /// Why it is not in its desired state, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// Its container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerId>,
}

/// A host port of an instance.
#[derive(Debug, Clone, Serialize)]
pub struct PortStatus {
    /// Address and port on the host.
    pub host: SocketAddr,
    /// Port and protocol in the container: `80/tcp`.
    pub container: String,
}

/// Why an instance is not in its desired state.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Waiting {
    /// Its desired state is down.
    Down,
    /// It, or its stack, is disabled.
    Disabled,
    /// The stack has not been applied since the desired state was set.
    NotApplied,
    /// A provider is not in the required state.
    Provider {
        /// The provider.
        target: InstanceName,
        /// What it lacks.
        lacks: String,
    },
    /// Its container exited.
    Ended {
        /// The exit code.
        exit_code: Option<i64>,
    },
    /// Its container cannot be started any more.
    Stuck,
    /// Its container exits repeatedly, and its restart policy restarts it.
    Restarting,
    /// Its health check has not passed.
    Unhealthy,
    /// Its first health check is pending.
    Starting,
}

impl std::fmt::Display for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Down => f.write_str("is down: `devarch up`"),
            Self::Disabled => f.write_str("is disabled"),
            Self::NotApplied => f.write_str("not applied yet: `devarch apply`"),
            Self::Provider { target, lacks } => write!(f, "waits for {target}, which {lacks}"),
            Self::Ended { exit_code: Some(code) } => write!(f, "exited with code {code}; see `devarch logs`"),
            Self::Ended { exit_code: None } => f.write_str("exited; see `devarch logs`"),
            Self::Stuck => f.write_str("its container cannot be started again: `devarch up` replaces it"),
            Self::Restarting => f.write_str("restarting repeatedly; see `devarch logs`"),
            Self::Unhealthy => f.write_str("its health check fails: `devarch logs`"),
            Self::Starting => f.write_str("health check pending; `devarch status --probe` runs it"),
        }
    }
}

/// Returns the state of one stack.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn stack_status(
    ctx: &Context,
    name: &StackName,
    options: StatusOptions,
) -> Result<StackStatus, OperationError> {
    let stack = find_stack(ctx, name).await?;
    let statuses = statuses(ctx, vec![stack], options).await?;
    statuses.into_iter().next().ok_or_else(|| NotFound::Stack { name: name.to_string(), near: None }.into())
}

/// Returns the state of all stacks.
#[tracing::instrument(level = "info", skip_all)]
pub async fn all_statuses(ctx: &Context, options: StatusOptions) -> Result<Vec<StackStatus>, OperationError> {
    let stacks = ctx.store.stacks().await?;
    statuses(ctx, stacks, options).await
}

/// Queries each engine once; one that does not answer is reported, not treated as empty.
async fn statuses(
    ctx: &Context,
    stacks: Vec<Stack>,
    options: StatusOptions,
) -> Result<Vec<StackStatus>, OperationError> {
    let mut statuses = observed_statuses(ctx, stacks, options).await?;
    let locks = list_locks(ctx).await?;
    let mut latest: BTreeMap<StackId, Apply> = BTreeMap::new();
    for apply in ctx.store.latest_applies().await? {
        latest.insert(apply.stack.clone(), apply);
    }
    for status in &mut statuses {
        status.lock = locks.iter().find(|lock| lock.stack == status.name).cloned();
        let at_work = status.lock.as_ref().is_some_and(|lock| lock.alive);
        if let Some(apply) = latest.remove(&status.id) {
            let steps =
                if apply.ended_at.is_none() { steps_under_way(ctx, &apply).await? } else { Vec::new() };
            status.last_apply = last_apply(apply, steps, at_work);
        }
    }
    Ok(statuses)
}

async fn steps_under_way(ctx: &Context, apply: &Apply) -> Result<Vec<StepUnderWay>, OperationError> {
    let shown = ShownPlan::of_apply(apply)?;
    let steps = ctx.store.apply_steps(&apply.id).await?;
    let open = steps.iter().filter(|step| step.ended_at.is_none());
    let told = open.filter_map(|step| {
        let what = shown.steps.get(step.at as usize)?.to_string();
        Some(StepUnderWay { what, since: step.begun_at })
    });
    Ok(told.collect())
}

async fn observed_statuses(
    ctx: &Context,
    stacks: Vec<Stack>,
    options: StatusOptions,
) -> Result<Vec<StackStatus>, OperationError> {
    let mut engines: BTreeMap<String, Result<Seen, String>> = BTreeMap::new();
    let mut statuses = Vec::new();
    for stack in stacks {
        let wired = wire_stack(ctx, &stack).await?;
        let Some(binding) = stack.engine.clone() else {
            statuses.push(assemble_status(&stack, &wired, None));
            continue;
        };
        if !engines.contains_key(&binding.endpoint) {
            let seen = look_at_engine(ctx, &stack, options).await.map_err(|error| error.to_string());
            engines.insert(binding.endpoint.clone(), seen);
        }
        statuses.push(assemble_status(&stack, &wired, engines.get(&binding.endpoint)));
    }
    Ok(statuses)
}

async fn look_at_engine(
    ctx: &Context,
    stack: &Stack,
    options: StatusOptions,
) -> Result<Seen, OperationError> {
    let engine = connect_engine(ctx, Some(stack)).await?;
    let (containers, unattended) = try_join(engine.containers(), engine.unattended_checks()).await?;
    let ownership = stack_ownership(ctx, stack.engine.as_ref().map(|binding| &binding.id)).await?;
    let health = if engine.info().runs_health_checks {
        own_checks(ctx, engine.as_ref(), &containers, &ownership).await?
    } else {
        let ours = containers
            .iter()
            .filter(|container| unattended.contains(&container.id) && ownership.is_ours(*container));
        driven_health(engine.as_ref(), ours, options).await
    };
    Ok(Seen { containers, ownership, health })
}

fn assemble_status(stack: &Stack, wired: &WiredStack, seen: Option<&Result<Seen, String>>) -> StackStatus {
    let effective = &wired.effective;
    let look = seen.and_then(|seen| seen.as_ref().ok());
    let mut instances: BTreeMap<InstanceName, InstanceStatus> = stack
        .instances
        .iter()
        .map(|(name, instance)| {
            let container =
                look.and_then(|seen| current(&seen.containers, &seen.ownership, stack, name, instance));
            let health = container.and_then(|c| look.and_then(|seen| seen.health.get(&c.id)));
            let place = Place { stack, name, instance, effective: &effective[name] };
            (name.clone(), instance_status(&place, container, health))
        })
        .collect();
    if seen.is_none_or(Result::is_ok) {
        let waits: Vec<(InstanceName, Waiting)> = instances
            .iter()
            .filter_map(|(name, status)| Some((name.clone(), waiting(status, &effective[name], &instances)?)))
            .collect();
        for (name, waiting) in waits {
            if let Some(status) = instances.get_mut(&name) {
                status.waiting = Some(waiting);
            }
        }
    }
    StackStatus {
        id: stack.id.clone(),
        lock: None,
        last_apply: None,
        name: stack.name.clone(),
        enabled: stack.enabled,
        project: stack.project.clone(),
        engine: stack.engine.as_ref().map(|engine| engine.kind.to_string()),
        findings: wired.matters(stack).into_iter().cloned().collect(),
        unknown: seen.and_then(|seen| seen.as_ref().err().cloned()),
        instances: instances.into_values().collect(),
        left_alone: look.map(|seen| seen.left_alone(stack)).unwrap_or_default(),
    }
}

/// Returns the container of an instance: among those created for it the one with its proper name, else any.
pub(crate) fn current<'a>(
    containers: &'a [ObservedContainer],
    ownership: &Ownership,
    stack: &Stack,
    name: &InstanceName,
    instance: &Instance,
) -> Option<&'a ObservedContainer> {
    let proper = format!("devarch-{}-{name}", stack.name);
    let mut ours = containers.iter().filter(|container| {
        container.label(label::INSTANCE_ID) == Some(instance.id.as_str())
            && ownership.is_of(&stack.id, *container)
    });
    let first = ours.next()?;
    if first.name.as_str() == proper {
        return Some(first);
    }
    Some(ours.find(|container| container.name.as_str() == proper).unwrap_or(first))
}

fn last_apply(apply: Apply, steps: Vec<StepUnderWay>, at_work: bool) -> Option<LastApply> {
    let stands = match (apply.ended_at, apply.outcome) {
        (None, _) if at_work => Stands::UnderWay,
        (None, _) => Stands::Interrupted,
        (Some(_), ApplyOutcome::RolledBack | ApplyOutcome::Failed) => {
            Stands::Failed { error: apply.error.unwrap_or_default() }
        }
        _ => return None,
    };
    Some(LastApply {
        author: told(&apply.author),
        apply: apply.id,
        command: apply.command,
        started_at: apply.started_at,
        steps,
        stands,
    })
}

/// Queries health results one by one, with their age, on an engine that does not schedule health checks.
async fn driven_health(
    engine: &dyn Engine,
    checked: impl Iterator<Item = &ObservedContainer>,
    options: StatusOptions,
) -> BTreeMap<ContainerId, (HealthState, Option<String>)> {
    let one = async |container: &ObservedContainer| {
        if options.probe {
            engine.run_engine_check(&container.id).await.ok()?;
        }
        let state = engine.inspect(&container.id).await.ok()??;
        Some((container.id.clone(), (state.health?, state.last_check.map(|(at, _)| at))))
    };
    join_all(checked.map(one)).await.into_iter().flatten().collect()
}

/// The result of querying one engine.
struct Seen {
    containers: Vec<ObservedContainer>,
    /// The owners of its objects.
    ownership: Ownership,
    /// The containers whose last check DevArch ran, with the result and its time.
    health: BTreeMap<ContainerId, (HealthState, Option<String>)>,
}

impl Seen {
    fn left_alone(&self, stack: &Stack) -> Vec<String> {
        let labelled = |container: &&ObservedContainer| {
            container.label(label::STACK_ID) == Some(stack.id.as_str())
                && self.ownership.owner(*container) == Owner::Unremembered
        };
        self.containers.iter().filter(labelled).map(|container| container.name.to_string()).collect()
    }
}

struct Place<'a> {
    stack: &'a Stack,
    name: &'a InstanceName,
    instance: &'a Instance,
    effective: &'a Effective,
}

fn instance_status(
    place: &Place<'_>,
    container: Option<&ObservedContainer>,
    driven: Option<&(HealthState, Option<String>)>,
) -> InstanceStatus {
    let Place { stack, name, instance, effective } = place;
    let running = container.is_some_and(|container| container.state == RunState::Running);
    let health = driven.map(|(health, _)| *health).or(container.and_then(|container| container.health));
    let defined: Vec<PortKey> = effective.service.ports.iter().flatten().map(|port| port.key).collect();
    let ports: Vec<PortStatus> = instance
        .ports
        .iter()
        .filter(|(key, _)| defined.contains(key))
        .map(|(key, binding)| PortStatus {
            host: SocketAddr::new(binding.host_ip, binding.host_port),
            container: key.to_string(),
        })
        .collect();
    InstanceStatus {
        name: (*name).clone(),
        template: instance.template.template.name.to_string(),
        image: effective.service.image.clone().unwrap_or_default(),
        wanted: stack.wanted(instance),
        state: container.map(|container| container.state),
        health: health.filter(|_| running),
        checked_at: driven.and_then(|(_, at)| at.clone()).filter(|_| running),
        exit_code: container.and_then(|container| container.exit_code).filter(|_| !running),
        status: container.map(|container| container.status.clone()).unwrap_or_default(),
        address: container.and_then(|container| container.networks.values().flatten().next().copied()),
        urls: if running { urls(effective, instance) } else { Vec::new() },
        ports,
        waiting: match (stack.enabled && instance.enabled, instance.wanted) {
            (false, _) => Some(Waiting::Disabled),
            (true, DesiredRun::Absent) => Some(Waiting::Down),
            (true, DesiredRun::Running) if container.is_some_and(|container| container.restarting) => {
                Some(Waiting::Restarting)
            }
            _ => None,
        },
        container: container.map(|container| container.id.clone()),
    }
}

/// Returns URLs on the host of exports that speak HTTP.
fn urls(effective: &Effective, instance: &Instance) -> Vec<String> {
    let http = effective.exports.iter().filter(|export| export.contract == ContractType::Http);
    http.filter_map(|export| {
        let key = PortKey { target: export.port, protocol: devarch_core::port::Protocol::Tcp };
        let binding = instance.ports.get(&key)?;
        let ip =
            if binding.host_ip.is_unspecified() { IpAddr::from([127, 0, 0, 1]) } else { binding.host_ip };
        Some(format!("http://{}", SocketAddr::new(ip, binding.host_port)))
    })
    .collect()
}

fn waiting(
    status: &InstanceStatus,
    effective: &Effective,
    all: &BTreeMap<InstanceName, InstanceStatus>,
) -> Option<Waiting> {
    if status.wanted != DesiredRun::Running || matches!(status.waiting, Some(Waiting::Restarting)) {
        return None;
    }
    let job = effective.service.job.unwrap_or(false);
    match (status.state, status.health) {
        (Some(RunState::Running), Some(HealthState::Unhealthy)) => return Some(Waiting::Unhealthy),
        (Some(RunState::Running), Some(HealthState::Starting)) => return Some(Waiting::Starting),
        (Some(RunState::Running), _) => return None,
        (Some(RunState::Exited), _) if job && status.exit_code == Some(0) => return None,
        _ => {}
    }
    for (provider, dependency) in effective.service.depends_on.iter().flatten() {
        if let Some(lacks) = all.get(provider).and_then(|provider| lacks(provider, dependency.condition)) {
            return Some(Waiting::Provider { target: provider.clone(), lacks });
        }
    }
    match status.state {
        Some(RunState::Exited) => Some(Waiting::Ended { exit_code: status.exit_code }),
        Some(RunState::Stuck) => Some(Waiting::Stuck),
        _ => Some(Waiting::NotApplied),
    }
}

/// Returns what a provider lacks to meet a condition.
fn lacks(provider: &InstanceStatus, condition: DependencyCondition) -> Option<String> {
    let completed = provider.state == Some(RunState::Exited) && provider.exit_code == Some(0);
    let running = provider.state == Some(RunState::Running);
    let unhealthy = provider.health.is_some_and(|health| health != HealthState::Healthy);
    match condition {
        DependencyCondition::ServiceCompletedSuccessfully => {
            (!completed).then(|| "has not completed".to_owned())
        }
        _ if !running && !completed => Some("is not running".to_owned()),
        DependencyCondition::ServiceStarted => None,
        _ => unhealthy.then(|| "is not healthy".to_owned()),
    }
}
