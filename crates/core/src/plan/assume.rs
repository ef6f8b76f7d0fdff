//! The assumptions of a plan as named facts: a saved plan records them, and an apply refuses to run once they no
//! longer hold.

use super::{
    build::links::{incoming, linked},
    conflict::holder,
};
use crate::{
    build::{BuildHash, BuildSpec},
    desired::{Desired, DesiredInstance},
    id::StackId,
    name::InstanceName,
    observed::{ImageInfo, Observed, ObservedContainer, ObservedNetwork, RunState},
    ownership::{Listed, Seen},
    readiness::Readiness,
    spec::{PublishedPort, label},
    stack::{DesiredRun, Stack},
    template::{Dependency, DependencyCondition},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// The value of a fact that is learned later: an absent image's config is known after its pull, an engine's identity
/// after the first apply. Learning it is not a difference.
const LATER: &str = "not known yet";

/// Digits that are enough to identify an id or hash.
const SHORT: usize = 12;

/// Named facts that a plan is based on. Contains no secrets: configs appear as keyed hashes.
///
/// The facts are the definition (stack revision, desired run state, config, template, dependencies), the engine's
/// kind and identity, the sources of images that the stack builds, and these observations: the stack's containers
/// (id, config hash, image, running or not, networks, and whether a job is done), its networks and volumes, linked
/// instances of other stacks, the images it names, and the holders of the host ports it needs. Health, times, restart
/// counts and engine messages are not included. Created, paused and exited containers all count as not running: none
/// is doing its work, and the next apply starts each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Assumptions(BTreeMap<String, String>);

/// A fact that no longer holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The subject: `container devarch-shop-db`, or with a colon `instance web: config`.
    pub what: String,
    /// The value when the plan was made; `None` if the object did not exist.
    pub assumed: Option<String>,
    /// The current value; `None` if the object does not exist.
    pub found: Option<String>,
}

impl fmt::Display for Difference {
    /// `instance web: assumed config 12ab34cd56ef, found 99ee01ff23aa`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, aspect) = self.what.split_once(": ").unwrap_or((&self.what, ""));
        let absent = if aspect.is_empty() { "absent" } else { "nothing" };
        let shown = |value: &Option<String>| value.as_deref().map_or(absent, brief).to_owned();
        let space = if aspect.is_empty() { "" } else { " " };
        let (assumed, found) = (shown(&self.assumed), shown(&self.found));
        write!(f, "{subject}: assumed {aspect}{space}{assumed}, found {found}")
    }
}

/// Shortens ids and hashes to their first digits; returns anything else in full.
fn brief(value: &str) -> &str {
    let digits = value.rsplit_once(':').map_or(value, |(_, digits)| digits);
    let is_id = digits.len() > SHORT && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { &digits[..SHORT] } else { value }
}

impl Assumptions {
    /// Returns the facts that differ now, by name. An object that was added or removed is reported once, without its
    /// properties; a removed image is reported without its effect on configs.
    pub fn differences(&self, now: &Self) -> Vec<Difference> {
        let names: BTreeSet<&String> = self.0.keys().chain(now.0.keys()).collect();
        let came_or_went = |what: &str| {
            let subject = what.split_once(": ").map(|(subject, _)| subject);
            subject.is_some_and(|subject| self.0.contains_key(subject) != now.0.contains_key(subject))
        };
        names
            .into_iter()
            .map(|what| (what, self.0.get(what), now.0.get(what)))
            .filter(|(_, assumed, found)| assumed != found)
            .filter(|(_, assumed, _)| assumed.is_none_or(|assumed| assumed != LATER))
            .filter(|(what, _, _)| !came_or_went(what))
            .map(|(what, assumed, found)| (what, assumed, found.filter(|found| *found != LATER)))
            .filter(|(what, _, found)| !(found.is_none() && what.ends_with(": config")))
            .map(|(what, assumed, found)| Difference {
                what: what.clone(),
                assumed: assumed.cloned(),
                found: found.cloned(),
            })
            .collect()
    }

    /// Returns 16 hexadecimal digits that identify the set of facts.
    pub fn digest(&self) -> String {
        let facts =
            self.0.iter().map(|(fact, value)| (fact.clone(), serde_json::Value::from(value.as_str())));
        let canonical: serde_json::Map<String, serde_json::Value> = facts.collect();
        let digest = Sha256::digest(serde_json::Value::Object(canonical).to_string());
        format!("{:016x}", u64::from_be_bytes(std::array::from_fn(|at| digest[at])))
    }

    fn fact(&mut self, subject: &str, value: impl Into<String>) {
        self.0.insert(subject.to_owned(), value.into());
    }

    fn about(&mut self, subject: &str, aspect: &str, value: impl Into<String>) {
        self.0.insert(format!("{subject}: {aspect}"), value.into());
    }

    fn stack(&mut self, stack: &Stack, desired: &Desired, network: bool) {
        let allowed: Vec<&str> = stack.allow.iter().map(|allowance| allowance.as_str()).collect();
        self.about("stack", "name", desired.identity.stack_name.as_str());
        self.about("stack", "revision", stack.revision.to_string());
        self.about("stack", "enabled", if stack.enabled { "yes" } else { "no" });
        self.about("stack", "allow", list(&allowed));
        let there = || format!("{} {}", desired.network.name, desired.network.subnet);
        self.about("stack", "network", if network { there() } else { LATER.to_owned() });
    }

    fn engine(&mut self, observed: &Observed) {
        self.about("engine", "kind", observed.engine.kind.as_str());
        let id = observed.engine_id.as_ref().map_or(LATER, |id| id.as_str());
        self.about("engine", "id", id);
    }

    /// An instance's config is not known while its image is absent (its `VOLUME` paths are part of the config), while
    /// the network does not exist (another network may take its addresses first), or if no container can be created.
    /// Edits are detected by the stack's revision.
    fn instance(
        &mut self,
        name: &InstanceName,
        instance: &DesiredInstance,
        image: Option<&ImageInfo>,
        network: bool,
    ) {
        let subject = format!("instance {name}");
        let wanted = match instance.wanted {
            DesiredRun::Running => "wanted running",
            DesiredRun::Stopped => "wanted stopped",
            DesiredRun::Absent => "not wanted",
        };
        self.fact(&subject, wanted);
        let hash = instance.hash.as_deref().unwrap_or(LATER);
        let config = image.filter(|_| network).map_or(LATER, |_| hash);
        self.about(&subject, "config", config);
        self.about(&subject, "template", instance.template.as_str());
        self.about(&subject, "dependencies", dependencies(&instance.depends_on));
        if !instance.wires.is_empty() {
            let wires = instance.wires.iter().map(|link| format!("{} -> {}", link.import, link.to));
            self.about(&subject, "wires", wires.collect::<Vec<_>>().join(", "));
        }
        if instance.wanted != DesiredRun::Absent {
            let image = image.map_or(LATER, |image| image.id.as_str());
            self.fact(&format!("image {}", instance.spec.image), image);
        }
    }

    /// Records the current sources of a built image by their keyed hashes.
    fn source(&mut self, image: &str, spec: &BuildSpec) {
        for (part, hash) in spec.hash.iter().flat_map(BuildHash::parts) {
            self.about(&format!("image {image}"), &part.to_string(), hash);
        }
    }

    fn ports(&mut self, stack: &StackId, instance: &DesiredInstance, seen: Seen<'_>) {
        let ports = instance.spec.ports.iter().filter(|_| instance.wanted == DesiredRun::Running);
        for socket in ports.map(PublishedPort::socket) {
            let holder = holder(seen, stack, socket);
            self.fact(&format!("port {socket}"), holder.unwrap_or_else(|| "free".to_owned()));
        }
    }

    fn container(&mut self, container: &ObservedContainer, job: bool) {
        let subject = format!("container {}", container.name);
        let state = match container.state {
            RunState::Running => "running",
            RunState::Stuck => "stuck",
            RunState::Created | RunState::Paused | RunState::Exited => "stopped",
        };
        self.fact(&subject, state);
        self.about(&subject, "id", container.id.as_str());
        self.about(&subject, "config", container.config_hash().unwrap_or("none"));
        self.about(&subject, "image", container.image_id.as_str());
        let networks: Vec<&str> = container.networks.keys().map(String::as_str).collect();
        self.about(&subject, "networks", list(&networks));
        if job {
            let done = container.state == RunState::Exited && container.exit_code == Some(0);
            self.about(&subject, "job", if done { "done" } else { "not done" });
        }
    }

    /// Records the instances that an instance is linked to, in both directions.
    fn links(
        &mut self,
        name: &InstanceName,
        instance: &DesiredInstance,
        Seen { observed, ownership }: Seen<'_>,
    ) {
        for link in instance.links.iter().filter(|_| instance.wanted != DesiredRun::Absent) {
            let subject = format!("link {name} -> {}", link.provider);
            let provider = linked(observed, ownership, link);
            self.fact(&subject, if provider.is_some() { "running" } else { "stopped" });
            if let Some(provider) = provider {
                self.about(&subject, "id", provider.id.as_str());
                let joined = provider.networks.contains_key(link.network.name.as_str());
                self.about(&subject, "connected", if joined { "yes" } else { "no" });
            }
        }
        for network in incoming(observed, ownership, &instance.id) {
            self.fact(&format!("network {}", network.name), network.id.as_str());
        }
    }

    fn volume(&mut self, name: &str, labels: &BTreeMap<String, String>) {
        let owner = [label::STORE_ID, label::STACK_ID, label::INSTANCE_ID];
        let owner = owner.map(|label| labels.get(label).map_or("none", String::as_str));
        let subject = format!("volume {name}");
        self.fact(&subject, "there");
        self.about(&subject, "owner", owner.join("/"));
    }
}

/// Returns the facts that a plan for this desired and observed state is based on. Images to be looked up, pulled or
/// built ([`Plan::unsettled_images`](super::Plan::unsettled_images)) are left out.
pub fn assumptions(
    stack: &Stack,
    desired: &Desired,
    seen: Seen<'_>,
    unsettled: &BTreeSet<&str>,
) -> Assumptions {
    let Seen { observed, ownership } = seen;
    let mut facts = Assumptions::default();
    let owner = desired.stack_id();
    let is_the_network = |network: &ObservedNetwork| {
        network.name == desired.network.name.as_str() && ownership.is_of(owner, network)
    };
    let network = observed.networks.iter().any(is_the_network);
    facts.stack(stack, desired, network);
    facts.engine(observed);
    let mut jobs = BTreeSet::new();
    let mut needed = BTreeSet::new();
    for (name, instance) in &desired.instances {
        let image = observed.images.get(&instance.spec.image);
        let image = image.filter(|_| !unsettled.contains(instance.spec.image_reference()));
        facts.instance(name, instance, image, network);
        facts.ports(owner, instance, seen);
        facts.links(name, instance, seen);
        needed.extend(instance.volumes.iter().map(|volume| volume.name.as_str()));
        if instance.readiness == Readiness::Completed {
            jobs.insert(instance.id.as_str());
        }
    }
    for (image, spec) in &desired.builds {
        facts.source(image, spec);
    }
    for container in observed.containers.iter().filter(|c| ownership.is_of(owner, *c)) {
        facts.container(container, container.label(label::INSTANCE_ID).is_some_and(|id| jobs.contains(id)));
    }
    for network in observed.networks.iter().filter(|n| ownership.is_of(owner, *n)) {
        facts.fact(&format!("network {}", network.name), network.id.as_str());
    }
    let counts =
        |name: &str, labels| needed.contains(name) || ownership.is_of(owner, Listed::volume(name, labels));
    for (name, labels) in observed.volumes.iter().filter(|(name, labels)| counts(name, labels)) {
        facts.volume(name, labels);
    }
    facts
}

fn list(items: &[&str]) -> String {
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

fn dependencies(depends_on: &BTreeMap<InstanceName, Dependency>) -> String {
    let one = |(name, dependency): (&InstanceName, &Dependency)| {
        let condition = match dependency.condition {
            DependencyCondition::Ready => "ready",
            DependencyCondition::ServiceStarted => "started",
            DependencyCondition::ServiceHealthy => "healthy",
            DependencyCondition::ServiceCompletedSuccessfully => "completed",
        };
        let restart = if dependency.restart { ", restart" } else { "" };
        let optional = if dependency.required { "" } else { ", optional" };
        format!("{name} ({condition}{restart}{optional})")
    };
    let shown: Vec<String> = depends_on.iter().map(one).collect();
    list(&shown.iter().map(String::as_str).collect::<Vec<_>>())
}
