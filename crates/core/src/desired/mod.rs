//! The desired state of a stack on an engine: the input of a plan besides the observed state.

mod config_hash;
mod recipe;
mod subnets;

pub use config_hash::config_hash;
pub use recipe::ContainerRecipe;
pub use subnets::{AddressFacts, AddressNeeds, PoolExhausted, Subnets, choose_subnets};

use crate::{
    build::{BuildHash, BuildSpec},
    diagnostic::{Field, Findings, Problem},
    hash::HashKey,
    id::{EngineId, ImageId, InstanceId, StackId, StoreId},
    name::{ContainerName, InstanceName, NetworkName},
    observed::ImageInfo,
    readiness::{Readiness, readiness_of},
    resolve::{
        BuildTag, Effective, HostPlace, HostUse, HostView, LinkedInstances, PreviousWiring, Provisioning,
        SpecContext, Supply, SupplyContext, WireContext, WiredStack, check_edit, check_instance, check_stack,
        container_spec, merge, outside_uses, supplies, unnamed_image, wired,
    },
    secret::Undecryptable,
    spec::{Attachment, ContainerSpec, Identity, InstanceIdentity, MountFrom, NetworkSpec, VolumeSpec},
    stack::{DesiredRun, Instance, Stack},
    subnet,
    template::{Dependency, PullPolicy},
    wire::{ProviderName, Unwired, Wire},
};
use ipnet::Ipv4Net;
use std::collections::{BTreeMap, BTreeSet};

/// The desired state of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The stack and its store; the instance is added for an instance's objects.
    pub identity: Identity,
    /// The stack's network.
    pub network: NetworkSpec,
    /// The stack's instances.
    pub instances: BTreeMap<InstanceName, DesiredInstance>,
    /// The images that the stack builds, by name.
    pub builds: BTreeMap<String, BuildSpec>,
    /// The names of these images on the engine.
    pub tags: BTreeMap<String, BuildTag>,
    /// Warnings to include in the plan.
    pub warnings: Vec<Problem>,
    /// Notes to include in the plan.
    pub notes: Vec<Problem>,
    /// The imports of the stack's instances that have no wire.
    pub unwired: Vec<Unwired>,
}

/// The desired state of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredInstance {
    /// The instance.
    pub id: InstanceId,
    /// The container's name.
    pub container: ContainerName,
    /// The desired run state of the container.
    pub wanted: DesiredRun,
    /// The spec of the container.
    pub spec: ContainerSpec,
    /// The config hash, or the problems that prevent the creation of a container.
    pub hash: Result<String, Vec<Problem>>,
    /// The source of the image.
    pub supply: Supply,
    /// The id that the image's name refers to now; `None` if the image is absent.
    pub image_id: Option<ImageId>,
    /// The volumes the instance needs, by name.
    pub volumes: BTreeSet<VolumeSpec>,
    /// The dependencies, including those that follow from wires.
    pub depends_on: BTreeMap<InstanceName, Dependency>,
    /// The instance's wires.
    pub wires: Vec<Wire>,
    /// The instances of other stacks that the instance is linked to.
    pub links: Vec<DesiredLink>,
    /// Commands to run on providers before the instance starts.
    pub provisions: Vec<Provisioning>,
    /// The condition for being ready.
    pub readiness: Readiness,
    /// Host resources outside the project that the container can access.
    pub outside: Vec<HostUse>,
    /// The template's digest.
    pub template: String,
}

/// A link to an instance of another stack, by a network shared by the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredLink {
    /// The network.
    pub network: NetworkSpec,
    /// The provider: `infra/db`.
    pub provider: ProviderName,
    /// The provider's stack.
    pub stack: StackId,
    /// The provider's instance id.
    pub instance: InstanceId,
    /// The provider's container name.
    pub container: ContainerName,
    /// The engine that the provider's stack is on; `None` before its first apply.
    pub engine: Option<EngineId>,
    /// The condition for the provider being ready.
    pub readiness: Readiness,
}

impl DesiredLink {
    /// Returns the consumer's or provider's attachment to the link's network. Consumers reach the provider by its
    /// container name; instance names are not aliases on this network, because both instances may have the same one.
    pub fn place(
        network: &NetworkName,
        subnet: Ipv4Net,
        slot: u32,
        container: &ContainerName,
    ) -> Option<Attachment> {
        let address = subnet::address(subnet, slot)?;
        Some(Attachment { name: network.clone(), address, aliases: vec![container.to_string()] })
    }
}

/// The input for the desired state besides the stack.
#[derive(Debug, Clone, Copy)]
pub struct ResolveInput<'a> {
    /// The store that owns the stack.
    pub store: &'a StoreId,
    /// The store's key for config hashes. If it cannot be decrypted, no container can be created.
    pub hash_key: Result<&'a HashKey, Undecryptable>,
    /// Whether to report problems with the definition only if a container has to be created: existing containers can
    /// be stopped, started and removed regardless.
    pub defer_problems: bool,
    /// The subnets of the stack's network and of its links.
    pub subnets: &'a Subnets,
    /// The user's home directory, for `~/`.
    pub home: Option<&'a str>,
    /// Facts about host paths on the engine's machine, for the policy.
    pub host: &'a HostView,
    /// The images that are present, by the name they are referred to by.
    pub images: &'a BTreeMap<String, ImageInfo>,
    /// A pull policy that overrides that of every instance.
    pub pull: Option<PullPolicy>,
    /// The hashes of current build sources by image name, as far as they were read.
    pub build_hashes: &'a BTreeMap<String, BuildHash>,
    /// The endpoints that running instances are wired to.
    pub prior: &'a PreviousWiring,
    /// The linked instances of other stacks.
    pub others: &'a LinkedInstances,
}

/// Returns the effective configs of all instances of a stack.
pub fn effective(stack: &Stack) -> BTreeMap<InstanceName, Effective> {
    let one =
        |(name, instance): (&InstanceName, &Instance)| (name.clone(), effective_of(stack, name, instance));
    stack.instances.iter().map(one).collect()
}

/// Returns the effective config of an instance. An image that is built and has no name gets the container's.
pub fn effective_of(stack: &Stack, name: &InstanceName, instance: &Instance) -> Effective {
    let mut effective = merge(&instance.template.template, &instance.overrides);
    let service = &mut effective.service;
    if let (None, Some(_), Ok(container)) =
        (&service.image, &service.build, ContainerName::for_instance(&stack.name, name))
    {
        service.image = Some(unnamed_image(&container));
    }
    effective
}

/// Returns the desired state of a stack, or all its problems at once. If problems are deferred, no container of the
/// stack can be created: a problem with one instance may be caused by another.
pub fn desire(stack: &Stack, input: &ResolveInput<'_>) -> Result<Desired, Vec<Problem>> {
    let effective = effective(stack);
    let mut findings = Findings { errors: check_stack(&effective, input.images), warnings: Vec::new() };
    let context = WireContext { images: input.images, prior: input.prior, others: input.others };
    let wires = wired(stack, effective, &context);
    let (found, notes) = wires.findings(stack);
    findings.extend(found);
    let WiredStack { effective, resolution, .. } = &wires;
    let context = SupplyContext {
        home: input.home,
        pull: input.pull,
        hashes: Some(input.build_hashes),
        host: Some(input.host),
    };
    let supplies = supplies(stack, effective, &context);
    let tags = supplies.tags(input.store);
    findings.errors.extend(supplies.problems);
    let network = NetworkName::for_stack(&stack.name);
    let mut instances = BTreeMap::new();
    for (name, instance) in &stack.instances {
        findings.errors.extend(check_edit(name, &instance.template.template, &instance.overrides));
        let supply = supplies.instances.get(name).map_or(Supply::Missing, |(_, supply)| *supply);
        let tag = effective[name].service.image.as_ref().and_then(|image| tags.get(image));
        let build_tag = tag.filter(|_| supply == Supply::Build).map(|tag| tag.name.as_str());
        let place = InstancePlace { stack, name, instance, network: &network, supply, build_tag };
        let mut desired =
            desired_instance(&place, &effective[name], input).map_err(|problem| vec![problem])?;
        desired.wires = resolution.links_of(name).cloned().collect();
        match links(&desired, input) {
            Ok(links) => desired.links = links,
            Err(problem) => findings.errors.push(Problem::in_field(name, "wires", problem)),
        }
        let secrets = effective[name].service.secrets.as_deref().unwrap_or_default();
        let image = input.images.get(&desired.spec.image);
        let place = HostPlace { name, project: stack.project.as_deref(), view: input.host };
        desired.outside = outside_uses(&desired.spec, place);
        findings.extend(check_instance(place, &desired.spec, secrets, image, &stack.allow));
        if let (true, Err(problems)) = (desired.wanted != DesiredRun::Absent, &desired.hash) {
            findings.errors.extend(problems.iter().cloned());
        }
        instances.insert(name.clone(), desired);
    }
    findings.warnings.extend(waits_in_vain(&instances));
    defer(&mut findings.errors, &mut instances, input)?;
    Ok(Desired {
        identity: identity(stack, input.store),
        network: NetworkSpec::of_stack(network, input.subnets.own),
        instances,
        builds: supplies.builds,
        tags,
        warnings: findings.warnings,
        notes,
        unwired: wires.resolution.unwired,
    })
}

/// Returns the problems as errors, unless they are deferred: then no container of the stack can be created.
fn defer(
    errors: &mut Vec<Problem>,
    instances: &mut BTreeMap<InstanceName, DesiredInstance>,
    input: &ResolveInput<'_>,
) -> Result<(), Vec<Problem>> {
    errors.sort();
    errors.dedup();
    if errors.is_empty() {
        return Ok(());
    }
    if !input.defer_problems {
        return Err(std::mem::take(errors));
    }
    for instance in instances.values_mut() {
        instance.hash = Err(errors.clone());
    }
    Ok(())
}

/// Warns about instances that should run and depend on one that should not: they start without it.
fn waits_in_vain(instances: &BTreeMap<InstanceName, DesiredInstance>) -> Vec<Problem> {
    let runs = |instance: &DesiredInstance| instance.wanted == DesiredRun::Running;
    let mut found = Vec::new();
    for (name, instance) in instances.iter().filter(|(_, instance)| runs(instance)) {
        for provider in instance.depends_on.keys() {
            if instances.get(provider).is_some_and(|provider| !runs(provider)) {
                let message = format!("{provider} is not to run; {name} starts without it");
                found.push(Problem::in_field(name, format!("depends_on.{provider}"), message));
            }
        }
    }
    found
}

fn identity(stack: &Stack, store: &StoreId) -> Identity {
    Identity { store: store.clone(), stack: stack.id.clone(), stack_name: stack.name.clone(), instance: None }
}

impl Desired {
    /// The stack's id.
    pub fn stack_id(&self) -> &StackId {
        &self.identity.stack
    }

    /// Returns the recipe of an instance's container, unless problems prevent its creation.
    pub fn made<'a>(
        &self,
        name: &InstanceName,
        instance: &'a DesiredInstance,
    ) -> Result<ContainerRecipe, &'a [Problem]> {
        Ok(ContainerRecipe {
            spec: instance.spec.clone(),
            depends_on: instance.depends_on.clone(),
            wires: instance.endpoints(),
            identity: self.identity_of(name, instance),
            hash: instance.hash.as_ref().map_err(Vec::as_slice)?.clone(),
            image_id: instance.image_id.clone(),
        })
    }

    /// Returns the identity of an instance's objects.
    pub fn identity_of(&self, name: &InstanceName, instance: &DesiredInstance) -> Identity {
        let instance = InstanceIdentity {
            id: instance.id.clone(),
            name: name.to_string(),
            template: instance.template.clone(),
        };
        Identity { instance: Some(instance), ..self.identity.clone() }
    }
}

impl DesiredInstance {
    /// Whether a container with that config hash was created from the current spec.
    pub(crate) fn is_made_as(&self, hash: Option<&str>) -> bool {
        hash.is_some() && self.hash.as_deref().ok() == hash
    }

    /// Returns the endpoints its imports are wired to, in their recorded form.
    pub fn endpoints(&self) -> BTreeMap<String, String> {
        self.wires.iter().map(|link| (link.import.clone(), link.to.to_memory())).collect()
    }
}

struct InstancePlace<'a> {
    stack: &'a Stack,
    name: &'a InstanceName,
    instance: &'a Instance,
    network: &'a NetworkName,
    supply: Supply,
    build_tag: Option<&'a str>,
}

fn desired_instance(
    place: &InstancePlace<'_>,
    effective: &Effective,
    input: &ResolveInput<'_>,
) -> Result<DesiredInstance, Problem> {
    let InstancePlace { stack, name, instance, network, supply, build_tag } = *place;
    let container = ContainerName::for_instance(&stack.name, name)
        .map_err(|e| Problem::in_field(name, "name", e.to_string()))?;
    let image = effective.service.image.as_ref().and_then(|image| input.images.get(image));
    let (spec, mut problems) = container_spec(
        effective,
        &SpecContext {
            stack,
            name,
            instance,
            container: &container,
            network,
            subnet: input.subnets.own,
            home: input.home,
            build_tag,
            image,
        },
    );
    problems.extend(no_address(stack, name, instance, input.subnets.own));
    let hash = match input.hash_key {
        Ok(key) if problems.is_empty() => Ok(config_hash(key, &spec)),
        Ok(_) => Err(problems),
        Err(why) => {
            problems.push(hash_key_locked(why));
            Err(problems)
        }
    };
    let volumes = spec.mounts.iter().filter_map(|mount| match &mount.source {
        MountFrom::Volume(volume) => Some(VolumeSpec { name: volume.clone() }),
        MountFrom::Bind(_) => None,
    });
    Ok(DesiredInstance {
        id: instance.id.clone(),
        container,
        wanted: stack.wanted(instance),
        hash,
        supply,
        image_id: image.map(|image| image.id.clone()),
        volumes: volumes.collect(),
        depends_on: effective.service.depends_on.clone().unwrap_or_default(),
        wires: Vec::new(),
        links: Vec::new(),
        provisions: effective.provisions.clone(),
        readiness: readiness_of(spec.job, spec.healthcheck.as_ref(), image),
        outside: Vec::new(),
        template: instance.template.digest.to_string(),
        spec,
    })
}

fn no_address(stack: &Stack, name: &InstanceName, instance: &Instance, subnet: Ipv4Net) -> Option<Problem> {
    let message = || {
        format!(
            "the stack's network {subnet} has no address left for it; `devarch down {stack}` and then `devarch up` create a larger one",
            stack = stack.name
        )
    };
    subnet::address(subnet, instance.slot).is_none().then(|| Problem::in_field(name, "network", message()))
}

fn hash_key_locked(why: Undecryptable) -> Problem {
    let message = format!("the store's own key, which config hashes are made with, cannot be read: {why}");
    Problem { instance: None, field: Field::whole(), message }
}

/// Returns the links that an instance's wires require, one for each provider, or why one is not possible.
fn links(instance: &DesiredInstance, input: &ResolveInput<'_>) -> Result<Vec<DesiredLink>, String> {
    let mut links: BTreeMap<NetworkName, DesiredLink> = BTreeMap::new();
    for provider in instance.wires.iter().map(|wire| &wire.to.provider) {
        let ProviderName::Other { stack, instance: name } = provider else { continue };
        let Some(other) = input.others.get(&(stack.clone(), name.clone())) else { continue };
        if instance.spec.network.is_none() {
            let mode = instance.spec.network_mode.as_deref().unwrap_or_default();
            return Err(format!(
                "it cannot be linked to {provider} with `network_mode: {mode}`; remove one of them"
            ));
        }
        let container = &other.wire.container;
        let network = NetworkName::for_link(&instance.container, container);
        let Some(subnet) = input.subnets.links.get(&network) else {
            return Err(format!(
                "no free addresses are left for its link to {provider}; widen DEVARCH_ADDRESS_POOL"
            ));
        };
        let spec = NetworkSpec { name: network.clone(), subnet: *subnet, link: Some(other.instance.clone()) };
        let link = DesiredLink {
            network: spec,
            provider: provider.clone(),
            stack: other.stack.clone(),
            instance: other.instance.clone(),
            container: container.clone(),
            engine: other.engine.clone(),
            readiness: other.readiness(input.images),
        };
        links.insert(network, link);
    }
    Ok(links.into_values().collect())
}
