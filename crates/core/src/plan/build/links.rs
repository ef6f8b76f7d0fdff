//! Links: networks between two instances of different stacks. The consumer's stack creates and removes them; the
//! provider's container is connected by whichever stack creates one of the two containers.

use super::{Builder, Target, existing};
use crate::{
    desired::{DesiredInstance, DesiredLink},
    diagnostic::Problem,
    id::InstanceId,
    name::{InstanceName, NetworkName},
    observed::{Observed, ObservedContainer, ObservedNetwork, RunState},
    ownership::Ownership,
    plan::{Action, Cause, ChangeKind, Conflict, ContainerRef, Reason, StepId, Subject},
    readiness::Readiness,
    spec::{Attachment, label},
    stack::DesiredRun,
    subnet::{LINK_CONSUMER, LINK_PROVIDER},
};
use std::collections::BTreeSet;

/// An instance's connection to the network of a link.
pub(super) struct LinkPlace {
    pub(super) attachment: Attachment,
    /// The step that creates the network.
    pub(super) made: Option<StepId>,
    /// The instance at the other end.
    pub(super) with: String,
}

/// Whether the network belongs to a link.
pub(super) fn is_link(network: &ObservedNetwork) -> bool {
    network.labels.contains_key(label::LINK)
}

/// Returns the consumer, by its names when the network was created.
fn consumer(network: &ObservedNetwork) -> String {
    let name = |label| network.labels.get(label).map_or("?", String::as_str);
    format!("{}/{}", name(label::STACK_NAME), name(label::INSTANCE_NAME))
}

/// Returns the container that a link leads to, if it is running.
pub(in crate::plan) fn linked<'o>(
    observed: &'o Observed,
    ownership: &Ownership,
    link: &DesiredLink,
) -> Option<&'o ObservedContainer> {
    observed.containers.iter().find(|container| {
        ownership.is_of(&link.stack, *container)
            && container.label(label::INSTANCE_ID) == Some(link.instance.as_str())
            && container.name == link.container
            && container.state == RunState::Running
    })
}

/// Returns the networks by which instances of other stacks are linked to that instance.
pub(in crate::plan) fn incoming<'o>(
    observed: &'o Observed,
    ownership: &Ownership,
    provider: &InstanceId,
) -> impl Iterator<Item = &'o ObservedNetwork> {
    observed.networks.iter().filter(move |network| {
        network.labels.get(label::LINK).map(String::as_str) == Some(provider.as_str())
            && ownership.is_ours(*network)
    })
}

impl<'a> Builder<'a> {
    fn incoming(&self, instance: &DesiredInstance) -> Vec<&'a ObservedNetwork> {
        incoming(self.case.observed, &self.case.remembered.ownership, &instance.id).collect()
    }

    fn linked(&self, link: &DesiredLink) -> Option<&'a ObservedContainer> {
        linked(self.case.observed, &self.case.remembered.ownership, link)
    }

    /// Returns an instance's link connections: as a consumer, and as the provider of links whose networks exist.
    pub(super) fn link_places(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
    ) -> Vec<LinkPlace> {
        let mut places = Vec::new();
        for link in &instance.links {
            let (network, subnet) = (&link.network.name, link.network.subnet);
            let made = self.link_network(name, instance, link);
            if let Some(attachment) = DesiredLink::place(network, subnet, LINK_CONSUMER, &instance.container)
            {
                places.push(LinkPlace { attachment, made, with: link.provider.to_string() });
            }
        }
        for network in self.incoming(instance) {
            let Some(subnet) = network.subnets.first() else { continue };
            let named = NetworkName::from_stored(network.name.clone());
            if let Some(attachment) = DesiredLink::place(&named, *subnet, LINK_PROVIDER, &instance.container)
            {
                places.push(LinkPlace { attachment, made: None, with: consumer(network) });
            }
        }
        places
    }

    /// Returns the step that creates a link's network, if it does not exist.
    fn link_network(
        &mut self,
        name: &'a InstanceName,
        instance: &DesiredInstance,
        link: &'a DesiredLink,
    ) -> Option<StepId> {
        let network = &link.network.name;
        if let Some(step) = self.links.get(network) {
            return Some(*step);
        }
        if self.networks().any(|there| there.name == network.as_str()) {
            return None;
        }
        let reason = Reason::Links { consumer: name.clone(), provider: link.provider.to_string() };
        let cause = self.cause(Subject::Network(network.clone()), ChangeKind::Create, reason);
        let identity = self.case.desired.identity_of(name, instance);
        let action = Action::CreateNetwork { spec: link.network.clone(), identity };
        let step = self.step(Some(name), cause, action, []);
        self.links.insert(network, step);
        Some(step)
    }

    /// Returns the steps after which an instance can reach its linked instances and, if a step starts those, they are
    /// ready.
    pub(super) fn reach(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
        starts: Option<Cause>,
    ) -> BTreeSet<StepId> {
        let mut gate = BTreeSet::new();
        for link in &instance.links {
            let Some(provider) = self.linked(link) else {
                self.away(name, link, starts.is_some());
                continue;
            };
            let connected = self.connect_provider(name, instance, link, provider);
            gate.extend(connected);
            if let Some(cause) = starts
                && link.readiness != Readiness::Running
            {
                let ready = self.awaited.get(&provider.id).copied().unwrap_or_else(|| {
                    let readiness = link.readiness.clone();
                    let action = Action::Await { container: existing(provider), readiness };
                    self.step(Some(name), cause, action, [])
                });
                self.awaited.insert(&provider.id, ready);
                gate.insert(ready);
            }
        }
        gate
    }

    fn connect_provider(
        &mut self,
        name: &'a InstanceName,
        instance: &'a DesiredInstance,
        link: &'a DesiredLink,
        provider: &'a ObservedContainer,
    ) -> Option<StepId> {
        let (network, subnet) = (&link.network.name, link.network.subnet);
        if provider.networks.contains_key(network.as_str()) {
            return None;
        }
        if let Some(step) = self.joined.get(network) {
            return Some(*step);
        }
        let attachment = DesiredLink::place(network, subnet, LINK_PROVIDER, &link.container)?;
        let made = self.link_network(name, instance, link);
        let cause = match made {
            Some(made) => self.cause_of(made),
            None => self.reason(name, Reason::LinkCut { with: link.provider.to_string() }),
        };
        let action = Action::Connect { container: existing(provider), attachment };
        let step = self.step(Some(name), cause, action, made);
        self.joined.insert(network, step);
        Some(step)
    }

    /// Handles a missing provider: its consumer is not started, and a running one is left alone.
    fn away(&mut self, name: &InstanceName, link: &DesiredLink, starts: bool) {
        let DesiredLink { provider, engine, .. } = link;
        let stack = &self.case.desired.identity.stack_name;
        let elsewhere = engine.is_some() && *engine != self.case.observed.engine_id;
        let message = if elsewhere {
            format!(
                "{provider}, which it is linked to, is on another engine, and no network joins the two; name it in the stack's `external` with an address its containers can reach"
            )
        } else {
            let theirs = provider.to_string();
            let theirs = theirs.split_once('/').map_or(theirs.as_str(), |(stack, _)| stack);
            format!(
                "{provider}, which it is linked to, is not running; `devarch up {theirs}` starts it, `devarch wire remove {stack} {name}` removes the link"
            )
        };
        let problem = Problem::in_field(name, "wires", message);
        if starts { self.refused.push(Conflict(problem)) } else { self.warnings.push(problem) }
    }

    /// Connects a new container to the networks of its links after its files are written; returns the last of these
    /// steps.
    pub(super) fn join_links(&mut self, target: Target<'a>, made: StepId, filled: StepId) -> StepId {
        let mut last = filled;
        for LinkPlace { attachment, made: network, .. } in self.link_places(target.name, target.instance) {
            let action = Action::Connect { container: ContainerRef::MadeBy(made), attachment };
            last = self.step_for(target, action, network.into_iter().chain([last]));
        }
        last
    }

    /// Returns the networks a container may be on besides its stack's.
    pub(super) fn link_names(&self, instance: &DesiredInstance) -> BTreeSet<String> {
        let own = instance.links.iter().map(|link| link.network.name.to_string());
        own.chain(self.incoming(instance).into_iter().map(|network| network.name.clone())).collect()
    }

    /// Adds notes about the instances linked to the stack's, and about the effect on them when a provider is removed.
    pub(super) fn tell_links(&mut self) {
        for (name, instance) in &self.case.desired.instances {
            for network in self.incoming(instance) {
                let who = consumer(network);
                let runs = self.case.observed.containers.iter().any(|container| {
                    container.state == RunState::Running
                        && self.case.remembered.ownership.is_ours(container)
                        && container.networks.contains_key(&network.name)
                        && container.label(label::INSTANCE_ID)
                            == network.labels.get(label::INSTANCE_ID).map(String::as_str)
                });
                let goes = instance.wanted != DesiredRun::Running && self.current.contains_key(name);
                if runs && goes {
                    let message = format!("{who} runs, is linked to it and loses it");
                    self.warnings.push(Problem::in_field(name, "links", message));
                } else {
                    let message = format!("{who} is linked to it, by network {}", network.name);
                    self.notes.insert(Problem::in_field(name, "links", message));
                }
            }
        }
    }

    /// Returns the networks of links that are kept: those of desired instances.
    pub(super) fn kept_links(&self) -> BTreeSet<&'a str> {
        let instances = self.case.desired.instances.values();
        let present = instances.filter(|instance| instance.wanted != DesiredRun::Absent);
        present.flat_map(|instance| &instance.links).map(|link| link.network.name.as_str()).collect()
    }

    /// Disconnects the provider from a link's network so that it can be removed.
    pub(super) fn part(
        &mut self,
        network: &'a ObservedNetwork,
        cause: Cause,
        after: &BTreeSet<StepId>,
    ) -> BTreeSet<StepId> {
        let name = NetworkName::from_stored(network.name.clone());
        let provider = network.labels.get(label::LINK).map(String::as_str);
        let is_provider = |container: &&ObservedContainer| {
            container.networks.contains_key(&network.name)
                && container.label(label::INSTANCE_ID) == provider
                && self.case.remembered.ownership.is_ours(*container)
                && !self.case.owns(*container)
        };
        let providers: Vec<&ObservedContainer> =
            self.case.observed.containers.iter().filter(is_provider).collect();
        let mut steps = BTreeSet::new();
        for container in providers {
            let action = Action::Disconnect { container: existing(container), network: name.clone() };
            steps.insert(self.step(None, cause, action, after.iter().copied()));
        }
        steps
    }
}
