//! From a stored stack to a plan: observe, resolve, plan. Nothing is changed anywhere.

use crate::{
    Approved, Context, ImageOptions, OperationError, Supplied,
    context::{connect_engine, find_stack},
    error::unworkable,
    planning::{
        engine_identity::{identify_engine, lives_here, observe_stack},
        host_view::view_host,
        images::{build_hashes, image_lookup},
        interrupted::{settle_interrupted, spent_copies},
        kept::give_values_back,
        links::linked_instances,
        observe::{Look, observe},
        subnets::subnets,
        wiring::{load_applied_state, prior},
    },
};
use devarch_core::{
    build::BuildHash,
    desired::{Desired, ResolveInput, desire},
    diagnostic::Problem,
    engine::Locality,
    name::{InstanceName, StackName},
    observed::Observed,
    ownership::Seen,
    plan::{AppliedState, Assumptions, Plan, PlanOptions, assumptions, plan},
    policy::Allowance,
    port::{HostBinding, HostSocket, PortKey},
    resolve::{HostView, LinkedInstances, PreviousWiring, ReadFile},
    spec::MountFrom,
    stack::{DesiredRun, Stack},
};
use devarch_engine::Engine;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

/// The options of a plan; a saved plan records them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish by itself")]
pub struct PrepareOptions {
    /// Instances to recreate.
    pub replace: BTreeSet<InstanceName>,
    /// Instances to restart.
    pub restart: BTreeSet<InstanceName>,
    /// Also wait for unchanged instances that are not known to be healthy.
    pub prove: bool,
    /// Use volumes that a removed stack or instance left under the same name.
    pub reuse_volumes: bool,
    /// Use volumes that a lost home created.
    pub adopt_volumes: bool,
    /// Copy volumes before another image may write to them.
    pub snapshot: bool,
    /// Image options.
    pub images: ImageOptions,
    /// Images that were just supplied, with the hashes of their build contexts. Not recorded: applying a saved plan
    /// supplies them again.
    #[serde(skip)]
    pub supplied: Option<Supplied>,
    /// The desired run state of every container, overriding the store's: for a plan that is shown before the state is
    /// recorded.
    pub wanted: Option<DesiredRun>,
    /// The instances whose containers must be created; if set, problems in the definition matter to no others, and not
    /// to existing containers: these are stopped, started and removed regardless. Not recorded: such a plan is not
    /// saved.
    #[serde(skip)]
    pub needed: Option<BTreeSet<InstanceName>>,
    /// The host files the stack's config files were just read from. Not recorded: the store has their content.
    #[serde(skip)]
    pub files: HostFiles,
}

/// The host files that config files are read from, by instance and path in the container.
pub type HostFiles = BTreeMap<InstanceName, BTreeMap<String, ReadFile>>;

/// A plan with all its inputs.
pub struct Prepared {
    /// The stack.
    pub stack: Stack,
    /// The stack without the values restored with volumes; an apply saves them.
    pub(crate) without_values: Option<Box<Stack>>,
    /// Its engine.
    pub engine: Arc<dyn Engine>,
    /// The desired state.
    pub desired: Desired,
    /// The observed state.
    pub observed: Observed,
    /// The applied state: what the store recorded of earlier applies.
    pub remembered: AppliedState,
    /// The options it was planned with.
    pub options: PrepareOptions,
    /// The plan's assumptions; if one no longer holds, the plan is stale.
    pub assumed: Assumptions,
    /// The plan.
    pub plan: Arc<Plan>,
}

impl Prepared {
    /// Returns the plan as confirmed: to be executed unless something changes meanwhile.
    pub fn approved(&self) -> Approved {
        Approved {
            stack: self.stack.name.clone(),
            options: self.options.clone(),
            assumed: self.assumed.clone(),
            plan: None,
        }
    }

    /// Returns the same options with the images supplied for a stack; if they were supplied for another definition
    /// they are ignored, and the plan has steps for the missing ones.
    #[must_use]
    pub fn options_with(
        options: &PrepareOptions,
        had: Option<&(Stack, Supplied)>,
        now: &Stack,
    ) -> PrepareOptions {
        let supplied = had.filter(|(stack, _)| stack == now).map(|(_, supplied)| supplied.clone());
        PrepareOptions { supplied, ..options.clone() }
    }

    /// Returns the same plan after its definition has been saved.
    #[must_use]
    pub fn saved_as(self, stack: Stack) -> Self {
        let assumed = assumptions(&stack, &self.desired, self.seen(), &self.plan.unsettled_images());
        Self { stack, assumed, ..self }
    }

    /// Returns the observed objects with their owners.
    pub(crate) fn seen(&self) -> Seen<'_> {
        Seen { observed: &self.observed, ownership: &self.remembered.ownership }
    }
}

/// Plans a stack on its engine.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn prepare(
    ctx: &Context,
    name: &StackName,
    options: &PrepareOptions,
) -> Result<Prepared, OperationError> {
    prepare_stack(ctx, find_stack(ctx, name).await?, options).await
}

/// Plans a stack that need not be saved.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack.name))]
pub async fn prepare_stack(
    ctx: &Context,
    mut stack: Stack,
    options: &PrepareOptions,
) -> Result<Prepared, OperationError> {
    if let Some(wanted) = options.wanted {
        stack.instances.values_mut().for_each(|instance| instance.wanted = wanted);
    }
    for asked in options.replace.iter().chain(&options.restart) {
        crate::context::instance(&stack, asked)?;
    }
    let engine = connect_engine(ctx, Some(&stack)).await?;
    settle_interrupted(ctx, &stack, engine.as_ref()).await?;
    let hashes = match &options.supplied {
        Some(supplied) => supplied.hashes.clone(),
        None if options.needed.is_some() => build_hashes(ctx, &stack).await.unwrap_or_default(),
        None => build_hashes(ctx, &stack).await?,
    };
    let remembered = load_applied_state(ctx, &stack);
    let others = linked_instances(ctx, &stack).await?;
    let images = image_lookup(ctx, &stack, &hashes, &others);
    let look = Look { sockets: sockets(&stack), ..images };
    let (observed, remembered) = tokio::join!(observe(ctx, engine.as_ref(), &look), remembered);
    let (mut observed, mut remembered) = (observed?, remembered?);
    remembered.ownership = identify_engine(ctx, &stack, &mut observed, remembered.ownership).await?;
    lives_here(&stack, &observed)?;
    let seen = Seen { observed: &observed, ownership: &remembered.ownership };
    remembered.spent_copies = spent_copies(ctx, &stack, seen).await?;
    let without_values =
        Box::pin(give_values_back(ctx, &mut stack, options, &observed, &mut remembered)).await?;
    let prior = prior(&stack, &remembered);
    let host = host_facts(ctx, &stack, options, &observed, &remembered).await?;
    let seen = Seen { observed: &observed, ownership: &remembered.ownership };
    let (host, build_hashes, prior, others) = (&host, &hashes, &prior, &others);
    let input = DesireInput { seen, host, options, build_hashes, prior, others };
    let desired = desired_state(ctx, &stack, input).await?;
    missing_sources(&stack, &desired, &observed)?;
    let asked = options.clone();
    let options = PlanOptions {
        replace: options.replace.clone(),
        restart: options.restart.clone(),
        prove: options.prove,
        reuse_volumes: options.reuse_volumes,
        adopt_volumes: options.adopt_volumes,
        supplied: options.supplied.is_some(),
        build: options.images.build,
        snapshot: options.snapshot,
        needed: options.needed.clone(),
    };
    let plan = Arc::new(plan(&desired, &observed, &remembered, &options)?);
    let assumed = assumptions(&stack, &desired, seen, &plan.unsettled_images());
    Ok(Prepared {
        stack,
        without_values,
        engine,
        desired,
        observed,
        remembered,
        options: asked,
        assumed,
        plan,
    })
}

/// Returns facts about a stack's host paths; links are resolved if the engine runs on this machine.
async fn host_facts(
    ctx: &Context,
    stack: &Stack,
    options: &PrepareOptions,
    observed: &Observed,
    remembered: &AppliedState,
) -> Result<HostView, OperationError> {
    let local = observed.engine.locality == Locality::Host;
    let view = if local {
        view_host(ctx, stack, &options.files)
    } else {
        HostView::of_home(ctx.settings.user_home.as_deref())
    };
    let instances = stack.instances.iter().map(|(name, instance)| (name, &instance.id));
    let withdrawn = withdrawn_allowances(ctx, stack).await?;
    Ok(HostView { applied: remembered.binds(instances), files: options.files.clone(), withdrawn, ..view })
}

/// Returns the allowances that a stack had in the store and no longer has.
pub(crate) async fn withdrawn_allowances(
    ctx: &Context,
    stack: &Stack,
) -> Result<BTreeSet<Allowance>, OperationError> {
    let stored = ctx.store.stack(&stack.name).await?;
    let stored = stored.filter(|stored| stored.id == stack.id);
    Ok(stored.map_or_else(BTreeSet::new, |stored| &stored.allow - &stack.allow))
}

/// The inputs of a stack's desired state besides its definition.
#[derive(Clone, Copy)]
pub(crate) struct DesireInput<'a> {
    /// The objects observed on its engine.
    pub(crate) seen: Seen<'a>,
    /// Facts about host paths.
    pub(crate) host: &'a HostView,
    /// The options it is planned with.
    pub(crate) options: &'a PrepareOptions,
    /// The current hashes of its build contexts.
    pub(crate) build_hashes: &'a BTreeMap<String, BuildHash>,
    /// The wiring of its running instances.
    pub(crate) prior: &'a PreviousWiring,
    /// The instances of other stacks it is linked to.
    pub(crate) others: &'a LinkedInstances,
}

/// Computes the desired state of a stack.
pub(crate) async fn desired_state(
    ctx: &Context,
    stack: &Stack,
    input: DesireInput<'_>,
) -> Result<Desired, OperationError> {
    let DesireInput { seen, host, options, build_hashes, prior, others } = input;
    let subnets = subnets(ctx, stack, others, seen).await?;
    let world = ResolveInput {
        store: &ctx.store_id,
        hash_key: ctx.hash_key_or_why(),
        defer_problems: options.needed.is_some(),
        subnets: &subnets,
        home: ctx.settings.user_home.as_deref(),
        host,
        images: &seen.observed.images,
        pull: options.images.pull,
        build_hashes,
        prior,
        others,
    };
    desire(stack, &world).map_err(|problems| unworkable(stack, problems))
}

/// Lists a stack's objects on an engine, as text.
pub(crate) async fn list_objects(
    ctx: &Context,
    engine: &dyn Engine,
    stack: &Stack,
) -> Result<Vec<String>, OperationError> {
    let (observed, ownership) = observe_stack(ctx, stack, engine, &Look::default()).await?;
    let containers = observed.containers.iter().filter(|container| ownership.is_of(&stack.id, *container));
    let networks = observed.networks.iter().filter(|network| ownership.is_of(&stack.id, *network));
    let containers = containers.map(|container| format!("container {}", container.name));
    Ok(containers.chain(networks.map(|network| format!("network {}", network.name))).collect())
}

/// Returns the host sockets assigned to a stack's instances.
fn sockets(stack: &Stack) -> Vec<HostSocket> {
    let wanted = stack.instances.values().filter(|instance| stack.wanted(instance) != DesiredRun::Absent);
    let ports = wanted.flat_map(|instance| &instance.ports);
    let socket = |(key, binding): (&PortKey, &HostBinding)| HostSocket {
        ip: binding.host_ip,
        port: binding.host_port,
        protocol: key.protocol,
    };
    ports.map(socket).collect()
}

/// Returns problems with bind mounts that only this machine can detect: missing sources. One engine would create them
/// as root, the other would fail.
fn missing_sources(stack: &Stack, desired: &Desired, observed: &Observed) -> Result<(), OperationError> {
    if observed.engine.locality != Locality::Host {
        return Ok(());
    }
    let mut problems = Vec::new();
    for (name, instance) in desired.instances.iter().filter(|(_, i)| i.wanted == DesiredRun::Running) {
        for mount in &instance.spec.mounts {
            let MountFrom::Bind(path) = &mount.source else { continue };
            if !Path::new(path).exists() {
                let message =
                    format!("{path} does not exist on this machine; create it, or mount something else");
                problems.push(Problem::in_field(name, format!("volumes.{}", mount.target), message));
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(unworkable(stack, problems)) }
}
