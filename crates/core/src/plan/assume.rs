//! What a plan was made from, as named facts: a saved plan holds them, and an apply refuses when they no longer hold.

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

/// The value of a fact that is learnt later: what an absent image says is known after its pull, an engine's identity
/// after the first apply there. Learning it is no difference.
const LATER: &str = "not known yet";

/// Digits of an id or hash that are enough to tell it apart.
const SHORT: usize = 12;

/// Named facts a plan was made from. No secret is among them: configs are in them by their keyed hash.
///
/// Facts are what is wanted (revision of the stack, wanted state, config, template, dependencies), the engine's kind
/// and identity, and of what was observed: the stack's containers (id, config hash, image, running or not, networks,
/// and of a job whether it is done), its networks and volumes, the instances of other stacks it is linked with, the images it names and who has the host ports it
/// wants; and what the stack builds images from. Never health, times, restart counts or the engine's words. Created, paused and ended containers are alike
/// not running: none does its work, and each is started by the next apply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Assumptions(BTreeMap<String, String>);

/// A fact that no longer holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What it is about: `container devarch-shop-db`, or with a colon `instance web: config`.
    pub what: String,
    /// What the plan was made from; `None`: it was not there.
    pub assumed: Option<String>,
    /// What there is now; `None`: it is not there.
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

/// Ids and hashes in their first digits, anything else in full.
fn brief(value: &str) -> &str {
    let digits = value.rsplit_once(':').map_or(value, |(_, digits)| digits);
    let is_id = digits.len() > SHORT && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { &digits[..SHORT] } else { value }
}

impl Assumptions {
    /// Facts that differ now, by name. Of a thing that came or went only that is told, not what it was like; of an
    /// image that went, not what it makes of configs.
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

    /// 16 hexadecimal digits that stand for all facts.
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

    /// While its image is absent, an instance's config is not known: the image's `VOLUME` paths are part of it; nor is it
    /// while the network is to be made: another network may get its addresses first; nor where no container can be made. An
    /// edit is told by the stack's revision.
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

    /// What an image is built from now, by its keyed hashes.
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

    /// Who an instance is linked to, and who is linked to it.
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

/// The facts a plan of that desired and observed state is made from. Of images that are to be looked up, pulled or
/// built ([`Plan::unsettled_images`](super::Plan::unsettled_images)) nothing is assumed.
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
