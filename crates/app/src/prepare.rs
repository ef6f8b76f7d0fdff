//! From a stack in the store to a plan: observe, resolve, plan. Nothing is changed anywhere.

use crate::{
    App, AppError, Approved, ImageOptions, Supplied, elsewhere,
    engine_identity::lives_here,
    observe::{Look, observe},
    wiring::prior,
};
use devarch_core::{
    build::BuildHash,
    desired::{Desired, World, desire},
    diagnostic::Problem,
    engine::Locality,
    name::{InstanceName, NetworkName, StackName},
    observed::Observed,
    ownership::Ownership,
    plan::{Assumptions, Plan, PlanOptions, Remembered, assumptions, plan},
    policy::Allowance,
    port::HostSocket,
    resolve::{HostView, Others, Prior, ReadFile},
    spec::MountFrom,
    stack::{Stack, Wanted},
    subnet,
};
use devarch_engine::Engine;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

/// What a plan may be asked for; a saved plan remembers it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish by itself")]
pub struct PrepareOptions {
    /// Instances to make anew.
    pub replace: BTreeSet<InstanceName>,
    /// Instances to restart.
    pub restart: BTreeSet<InstanceName>,
    /// Wait also for unchanged instances that are not known to be healthy.
    pub prove: bool,
    /// Use volumes that a removed stack or instance left under the same name.
    pub reuse_volumes: bool,
    /// Use volumes that another home made, which is lost.
    pub adopt_volumes: bool,
    /// Copy volumes before another image gets to write to them.
    pub snapshot: bool,
    /// What is asked of images.
    pub images: ImageOptions,
    /// The images were seen to a moment ago; what they were built from. Not remembered: who applies a saved plan sees
    /// to them again.
    #[serde(skip)]
    pub supplied: Option<Supplied>,
    /// What every container should be doing, in place of what the store says: a plan to be shown before the wish is
    /// recorded.
    pub wanted: Option<Wanted>,
    /// The instances whose containers have to come to be; where it is said, what is wrong with the definition matters to no
    /// others, and not to containers that are there: they are stopped, started and removed without it. Not remembered:
    /// such a plan is not saved.
    #[serde(skip)]
    pub needed: Option<BTreeSet<InstanceName>>,
    /// The files of this machine that the stack's config files were just read from. Not remembered: the store has their
    /// content.
    #[serde(skip)]
    pub files: HostFiles,
}

/// By instance and path in its container: the files of this machine that config files are read from.
pub type HostFiles = BTreeMap<InstanceName, BTreeMap<String, ReadFile>>;

/// A plan with all it was made from.
pub struct Prepared {
    /// The stack.
    pub stack: Stack,
    /// The stack without the values that it was given back with volumes; an apply saves them.
    pub(crate) without_values: Option<Box<Stack>>,
    /// Its engine.
    pub engine: Arc<dyn Engine>,
    /// The wanted state.
    pub desired: Desired,
    /// What was observed.
    pub observed: Observed,
    /// What the store remembers of earlier applies.
    pub remembered: Remembered,
    /// What was asked.
    pub options: PrepareOptions,
    /// What the plan assumes; where anything of it is different later, the plan is stale.
    pub assumed: Assumptions,
    /// What is to be done.
    pub plan: Arc<Plan>,
}

impl Prepared {
    /// The plan, agreed to: to be carried out unless something changes meanwhile.
    pub fn approved(&self) -> Approved {
        Approved {
            stack: self.stack.name.clone(),
            options: self.options.clone(),
            assumed: self.assumed.clone(),
            plan: None,
        }
    }

    /// The same options, with what images were had for a stack; had for another definition they count for nothing, and the
    /// plan has steps for what is missing.
    #[must_use]
    pub fn options_with(
        options: &PrepareOptions,
        had: Option<&(Stack, Supplied)>,
        now: &Stack,
    ) -> PrepareOptions {
        let supplied = had.filter(|(stack, _)| stack == now).map(|(_, supplied)| supplied.clone());
        PrepareOptions { supplied, ..options.clone() }
    }

    /// The same plan after the definition it was made from has been saved.
    #[must_use]
    pub fn saved_as(self, stack: Stack) -> Self {
        let seen = (&self.observed, &self.remembered.ownership);
        let assumed = assumptions(&stack, &self.desired, seen, &self.plan.unsettled_images());
        Self { stack, assumed, ..self }
    }
}

impl App {
    /// Plans a stack on its engine.
    pub async fn prepare(&self, name: &StackName, options: &PrepareOptions) -> Result<Prepared, AppError> {
        self.prepare_stack(self.stack(name).await?, options).await
    }

    /// Plans a stack that need not be saved.
    pub async fn prepare_stack(
        &self,
        mut stack: Stack,
        options: &PrepareOptions,
    ) -> Result<Prepared, AppError> {
        if let Some(wanted) = options.wanted {
            stack.instances.values_mut().for_each(|instance| instance.wanted = wanted);
        }
        for asked in options.replace.iter().chain(&options.restart) {
            crate::app::instance(&stack, asked)?;
        }
        let engine = self.engine(Some(&stack)).await?;
        self.settle_interrupted(&stack, engine.as_ref()).await?;
        let hashes = match &options.supplied {
            Some(supplied) => supplied.hashes.clone(),
            None if options.needed.is_some() => self.build_hashes(&stack).await.unwrap_or_default(),
            None => self.build_hashes(&stack).await?,
        };
        let remembered = self.remembered(&stack);
        let others = self.others(&stack).await?;
        let images = self.look_for_images(&stack, &hashes, &others);
        let look = Look { sockets: sockets(&stack), ..images };
        let (observed, remembered) = tokio::join!(observe(&self.around, engine.as_ref(), &look), remembered);
        let (mut observed, mut remembered) = (observed?, remembered?);
        remembered.ownership = self.identify(&stack, &mut observed, remembered.ownership).await?;
        lives_here(&stack, &observed)?;
        remembered.spent_copies = self.spent_copies(&stack, (&observed, &remembered.ownership)).await?;
        let without_values =
            Box::pin(self.give_values_back(&mut stack, options, (&observed, &mut remembered))).await?;
        let prior = prior(&stack, &remembered);
        let host = self.host(&stack, options, (&observed, &remembered)).await?;
        let known = (&observed, &remembered.ownership, &host);
        let desired = self.desired(&stack, known, (options, &hashes), (&prior, &others)).await?;
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
        let seen = (&observed, &remembered.ownership);
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

    /// What is known of the host paths of a stack: links are resolved where the engine is on this machine.
    async fn host(
        &self,
        stack: &Stack,
        options: &PrepareOptions,
        (observed, remembered): (&Observed, &Remembered),
    ) -> Result<HostView, AppError> {
        let local = observed.engine.locality == Locality::Host;
        let view = if local {
            self.host_view(stack, &options.files)
        } else {
            HostView::of_home(self.settings.user_home.as_deref())
        };
        let instances = stack.instances.iter().map(|(name, instance)| (name, &instance.id));
        let withdrawn = self.withdrawn(stack).await?;
        Ok(HostView { applied: remembered.binds(instances), files: options.files.clone(), withdrawn, ..view })
    }

    /// What a stack allows as it is in the store, and does not allow any more.
    pub(crate) async fn withdrawn(&self, stack: &Stack) -> Result<BTreeSet<Allowance>, AppError> {
        let stored = self.store.stack(&stack.name).await?;
        let stored = stored.filter(|stored| stored.id == stack.id);
        Ok(stored.map_or_else(BTreeSet::new, |stored| &stored.allow - &stack.allow))
    }

    /// The wanted state of a stack, given what was observed, what was asked, what images are built from, what runs is
    /// wired to, and the instances of other stacks it is linked to.
    pub(crate) async fn desired(
        &self,
        stack: &Stack,
        (observed, ownership, host): (&Observed, &Ownership, &HostView),
        (options, build_hashes): (&PrepareOptions, &BTreeMap<String, BuildHash>),
        (prior, others): (&Prior, &Others),
    ) -> Result<Desired, AppError> {
        let subnet = self.subnet(stack, (observed, ownership)).await?;
        let links = self.link_subnets(stack, others, (observed, ownership, subnet)).await?;
        let world = World {
            store: &self.store_id,
            hash_key: self.hash_key_or_why(),
            defer_problems: options.needed.is_some(),
            subnet,
            home: self.settings.user_home.as_deref(),
            host,
            images: &observed.images,
            pull: options.images.pull,
            build_hashes,
            prior,
            others,
            links: &links,
        };
        desire(stack, &world).map_err(|problems| AppError::Problems { stack: stack.name.clone(), problems })
    }

    /// The addresses of a stack's network: the ones it has while the network is there; else the ones it had, if they
    /// are still free and many enough; else new ones.
    async fn subnet(
        &self,
        stack: &Stack,
        (observed, ownership): (&Observed, &Ownership),
    ) -> Result<Ipv4Net, AppError> {
        let name = NetworkName::of(&stack.name);
        let mut networks = observed.networks.iter();
        let existing =
            networks.find(|network| network.name == name.as_str() && ownership.is_of(&stack.id, *network));
        if let Some(net) = existing.and_then(|network| network.subnets.first()) {
            return Ok(*net);
        }
        let mut taken: Vec<Ipv4Net> =
            observed.networks.iter().flat_map(|network| network.subnets.clone()).collect();
        taken.extend(&observed.routes);
        let fits = |net: &Ipv4Net| {
            let slots = stack.instances.values().map(|instance| instance.slot);
            slots.max().is_none_or(|slot| subnet::address(*net, slot).is_some())
                && !taken.iter().any(|other| subnet::overlap(net, other))
        };
        if let Some(net) = stack.subnet.filter(fits) {
            return Ok(net);
        }
        let others = self.store.subnets().await?;
        taken.extend(others.into_iter().filter(|(other, _)| *other != stack.name).map(|(_, net)| net));
        taken.extend(elsewhere::networks(self.around.engines.as_ref(), &observed.engine).await);
        let pool = self.settings.address_pool;
        let slots = stack.instances.values().map(|instance| instance.slot as usize + 1).max().unwrap_or(0);
        let prefix = subnet::prefix_for(slots.max(stack.instances.len()));
        subnet::choose(&stack.name, pool, prefix, &taken)
            .ok_or_else(|| AppError::NoSubnet { stack: stack.name.clone(), pool: pool.to_string() })
    }

    /// What of a stack is on an engine, in words.
    pub(crate) async fn objects(&self, engine: &dyn Engine, stack: &Stack) -> Result<Vec<String>, AppError> {
        let (observed, ownership) = self.look_at(stack, engine, &Look::default()).await?;
        let containers =
            observed.containers.iter().filter(|container| ownership.is_of(&stack.id, *container));
        let networks = observed.networks.iter().filter(|network| ownership.is_of(&stack.id, *network));
        let containers = containers.map(|container| format!("container {}", container.name));
        Ok(containers.chain(networks.map(|network| format!("network {}", network.name))).collect())
    }
}

/// The places on the host that a stack's instances are to have.
fn sockets(stack: &Stack) -> Vec<HostSocket> {
    let wanted = stack.instances.values().filter(|instance| stack.wanted(instance) != Wanted::Absent);
    let ports = wanted.flat_map(|instance| &instance.ports);
    ports.map(|(key, binding)| binding.socket(key.protocol)).collect()
}

/// What only this machine can say of bind mounts: that a source is missing. One engine would make it, as root, and the
/// other refuse.
fn missing_sources(stack: &Stack, desired: &Desired, observed: &Observed) -> Result<(), AppError> {
    if observed.engine.locality != Locality::Host {
        return Ok(());
    }
    let mut problems = Vec::new();
    for (name, instance) in desired.instances.iter().filter(|(_, i)| i.wanted == Wanted::Running) {
        for mount in &instance.spec.mounts {
            let MountFrom::Bind(path) = &mount.source else { continue };
            if !Path::new(path).exists() {
                let message =
                    format!("{path} does not exist on this machine; make it, or mount something else");
                problems.push(Problem::of(name, format!("volumes.{}", mount.target), message));
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(AppError::Problems { stack: stack.name.clone(), problems }) }
}
