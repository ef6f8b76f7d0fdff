//! Restores the state before an apply, from any state that the steps of the apply or of an interrupted undo can have
//! left.

mod data;

use super::{
    Action, Before, BeforeContainer, Cause, ContainerRef, Expected, InstanceKey, RunningCheck, Step, StepId,
    VolumeCopy, before::Needs, model::ends,
};
use crate::{
    id::{ApplyId, ContainerId},
    name::{ContainerName, InstanceName, NetworkName, PhysicalVolume},
    observed::{Observed, ObservedContainer, ObservedNetwork, RunState},
    ownership::{Listed, Ownership, Seen},
    readiness::Readiness,
    resolve::start_order,
    spec::label,
    template::DependencyCondition,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The steps that restore the state before an apply. [`Action::is_wait`] steps may fail without stopping the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undo {
    /// The engine calls; each runs after the steps it names. Empty if nothing has to be restored.
    pub steps: Vec<Step>,
    /// Messages about what cannot be restored.
    pub lost: Vec<String>,
    /// Volumes those applies created, which are kept: a volume is never removed unless it is named. Copies are not
    /// included.
    pub kept_volumes: Vec<PhysicalVolume>,
}

/// Computes the steps that restore the state before the applies in `applies`: an apply, those it resumed, and the
/// undo itself. Pure, and based on the observed state alone, so that it can be called again after an interrupted
/// undo.
///
/// A call on the containers in `uncertain` was cut off, and its outcome is unknown: they are stopped before anything
/// else, so that a stop or start still in progress has ended.
///
/// A container whose creation was cut off has to be in `observed`: poll until it appears or can no longer appear.
///
/// Each copy in `copies`, which are complete and oldest first, is copied back before any container starts on its
/// volume, and then removed: as long as a copy exists, its restore is due. A copy that is not in `copies` may be
/// incomplete, and is only removed.
///
/// A paused container that an apply stopped is started; it cannot be paused again. A job that has succeeded since is
/// not run again. Containers and network connections that no longer exist are reported as lost.
pub fn undo(
    before: &Before,
    seen: Seen<'_>,
    applies: &BTreeSet<ApplyId>,
    uncertain: &BTreeSet<ContainerId>,
    copies: &[VolumeCopy],
) -> Undo {
    let mut builder = Builder::new(before, seen, applies, uncertain);
    builder.due(copies);
    builder.stop();
    builder.remove();
    builder.rename();
    builder.attach();
    builder.remove_copies();
    builder.restore();
    builder.start();
    builder.verify();
    builder.remove_networks();
    Undo {
        kept_volumes: builder.made_volumes().filter(|name| !name.is_copy()).collect(),
        steps: builder.steps,
        lost: builder.lost,
    }
}

/// A container that existed before and still exists.
#[derive(Clone, Copy)]
struct Kept<'a> {
    was: &'a BeforeContainer,
    now: &'a ObservedContainer,
}

impl Kept<'_> {
    /// Whether it has to be stopped: it did not run before, it was paused since, or a call's outcome is unknown.
    fn must_stop(self, uncertain: &BTreeSet<ContainerId>) -> bool {
        let woken = !self.was.ran() && runs(self.now);
        let paused = self.now.state == RunState::Paused && self.was.state == RunState::Running;
        woken || paused || uncertain.contains(&self.now.id)
    }

    /// Whether the job has succeeded since.
    fn is_done(self) -> bool {
        self.was.readiness == Readiness::Completed
            && self.now.state == RunState::Exited
            && self.now.exit_code == Some(0)
    }
}

struct Builder<'a> {
    before: &'a Before,
    observed: &'a Observed,
    ownership: &'a Ownership,
    applies: &'a BTreeSet<ApplyId>,
    uncertain: &'a BTreeSet<ContainerId>,
    kept: Vec<Kept<'a>>,
    /// Containers that those applies created.
    made: Vec<&'a ObservedContainer>,
    steps: Vec<Step>,
    lost: Vec<String>,
    stops: BTreeMap<&'a ContainerId, StepId>,
    /// By name: the step that frees it.
    freed: BTreeMap<ContainerName, StepId>,
    /// By kept container: the steps that have to come before its start.
    gates: BTreeMap<&'a ContainerId, BTreeSet<StepId>>,
    /// Complete copies of volumes that exist.
    due: Vec<&'a VolumeCopy>,
    /// Complete copies of volumes that no longer exist.
    orphans: BTreeSet<&'a PhysicalVolume>,
}

impl<'a> Builder<'a> {
    fn new(
        before: &'a Before,
        Seen { observed, ownership }: Seen<'a>,
        applies: &'a BTreeSet<ApplyId>,
        uncertain: &'a BTreeSet<ContainerId>,
    ) -> Self {
        let mut builder = Self {
            before,
            observed,
            ownership,
            applies,
            uncertain,
            kept: Vec::new(),
            made: Vec::new(),
            steps: Vec::new(),
            lost: Vec::new(),
            stops: BTreeMap::new(),
            freed: BTreeMap::new(),
            gates: BTreeMap::new(),
            due: Vec::new(),
            orphans: BTreeSet::new(),
        };
        let mut missing: BTreeMap<&ContainerId, &BeforeContainer> =
            before.containers.iter().map(|container| (&container.id, container)).collect();
        for now in &observed.containers {
            if let Some(was) = missing.remove(&now.id) {
                builder.kept.push(Kept { was, now });
            } else if builder.created(now) {
                builder.made.push(now);
            }
        }
        let gone = |was: &BeforeContainer| {
            format!("container {} was removed; `devarch up` creates it again", was.name)
        };
        builder.lost = missing.into_values().map(gone).collect();
        let stuck = builder.kept.iter().filter(|kept| kept.was.ran() && builder.is_stuck(kept.now));
        let stuck: Vec<String> = stuck.map(|kept| cannot_start(kept.now)).collect();
        builder.lost.extend(stuck);
        builder
    }

    /// Whether the container cannot be started and no DevArch call is stopping it, so that it is left alone.
    fn is_stuck(&self, now: &ObservedContainer) -> bool {
        now.state == RunState::Stuck && !self.uncertain.contains(&now.id)
    }

    fn owns<'o>(&self, object: impl Into<Listed<'o>>) -> bool {
        self.ownership.is_of(&self.before.stack, object)
    }

    /// Whether those applies created an object of the stack.
    fn created<'o>(&self, object: impl Into<Listed<'o>>) -> bool {
        let object = object.into();
        self.owns(object) && self.ownership.is_created_by(self.applies, object)
    }

    fn networks(&self) -> impl Iterator<Item = &'a ObservedNetwork> {
        self.observed.networks.iter().filter(|network| self.owns(*network))
    }

    /// Returns the volumes that those applies created.
    fn made_volumes(&self) -> impl Iterator<Item = PhysicalVolume> {
        let volumes = self.observed.volumes.iter();
        let made = volumes.filter(|(name, labels)| self.created(Listed::volume(name, labels)));
        made.map(|(name, _)| PhysicalVolume::from_stored(name))
    }

    fn step(
        &mut self,
        instance: Option<InstanceName>,
        action: Action,
        after: impl IntoIterator<Item = StepId>,
    ) -> StepId {
        self.steps.push(Step { instance, action, cause: Cause::Undo, after: after.into_iter().collect() });
        StepId(self.steps.len() - 1)
    }

    /// Returns the name of a kept container's instance.
    fn name(&self, kept: Kept<'_>) -> Option<InstanceName> {
        self.before.name_of(kept.was.instance.as_ref(), kept.now)
    }

    fn gate(&mut self, container: &'a ContainerId, step: StepId) {
        self.gates.entry(container).or_default().insert(step);
    }

    /// Stops containers that did not run before, consumers before their providers.
    fn stop(&mut self) {
        let mut stopping: Vec<(Option<InstanceKey>, Needs<'a>, &'a ObservedContainer)> = Vec::new();
        for now in &self.made {
            if now.state != RunState::Created || self.uncertain.contains(&now.id) {
                let key = self.before.instance_of(now);
                let instance = key.as_ref().and_then(|key| self.before.instances.get(key));
                stopping.push((key, instance.into_iter().flat_map(|known| &known.needs).collect(), now));
            }
        }
        let must_stop = |kept: &&Kept<'a>| kept.must_stop(self.uncertain) || self.is_in_the_way(kept.now);
        for kept in self.kept.iter().filter(must_stop) {
            stopping.push((kept.was.instance.clone(), kept.was.needs(), kept.now));
        }
        let ranks = ranks(stopping.iter().filter_map(|(key, needs, _)| Some((key.as_ref()?, needs.clone()))));
        stopping.sort_by_cached_key(|(key, _, now)| {
            let rank = key.as_ref().and_then(|key| ranks.get(key).copied());
            (std::cmp::Reverse((rank, self.before.name_of(key.as_ref(), now))), now.name.clone())
        });
        let mut consumers: BTreeMap<&InstanceKey, BTreeSet<StepId>> = BTreeMap::new();
        for (key, needs, now) in stopping {
            let after = key.as_ref().and_then(|key| consumers.get(key)).cloned().unwrap_or_default();
            let name = self.before.name_of(key.as_ref(), now);
            let step = self.step(name, Action::Stop { container: existing(now), grace: None }, after);
            for provider in needs {
                consumers.entry(provider).or_default().insert(step);
            }
            self.stops.insert(&now.id, step);
        }
    }

    /// Removes containers that those applies created, which frees their names.
    fn remove(&mut self) {
        for now in self.made.clone() {
            let action = Action::RemoveContainer { container: existing(now), name: now.name.clone() };
            let after = self.stops.get(&now.id).copied();
            let name = self.before.name_of(self.before.instance_of(now).as_ref(), now);
            let step = self.step(name, action, after);
            self.freed.insert(now.name.clone(), step);
        }
    }

    /// Restores container names. Each is freed by a removal or another rename; if two containers have each other's
    /// names, one is renamed temporarily.
    fn rename(&mut self) {
        let mut holders: BTreeMap<ContainerName, &ContainerId> = self
            .observed
            .containers
            .iter()
            .map(|container| (container.name.clone(), &container.id))
            .collect();
        holders.retain(|name, _| !self.freed.contains_key(name));
        let renamed = self.kept.iter().filter(|kept| kept.was.name != kept.now.name);
        let mut waiting: Vec<(Kept<'a>, ContainerName)> =
            renamed.map(|kept| (*kept, kept.now.name.clone())).collect();
        while !waiting.is_empty() {
            let free = waiting.iter().position(|(kept, _)| !holders.contains_key(&kept.was.name));
            if let Some(next) = free {
                let (kept, name) = waiting.swap_remove(next);
                self.give_name(kept, &name, kept.was.name.clone(), &mut holders);
                continue;
            }
            let moves: BTreeSet<&ContainerId> = waiting.iter().map(|(kept, _)| &kept.now.id).collect();
            let stuck = waiting.iter().position(|(kept, _)| !moves.contains(holders[&kept.was.name]));
            if let Some(stuck) = stuck {
                let (kept, name) = waiting.swap_remove(stuck);
                let wanted = &kept.was.name;
                self.lost.push(format!(
                    "container {name} cannot be renamed back to {wanted}: another container has that name"
                ));
                continue;
            }
            let (kept, name) = waiting[0].clone();
            let aside = aside(&kept.was.name, &holders);
            self.give_name(kept, &name, aside.clone(), &mut holders);
            waiting[0].1 = aside;
        }
    }

    fn give_name(
        &mut self,
        kept: Kept<'a>,
        from: &ContainerName,
        to: ContainerName,
        holders: &mut BTreeMap<ContainerName, &'a ContainerId>,
    ) {
        let mut after: BTreeSet<StepId> = self.gates.get(&kept.now.id).cloned().unwrap_or_default();
        after.extend(self.freed.get(&to));
        let action = Action::Rename { container: existing(kept.now), to: to.clone() };
        let step = self.step(self.name(kept), action, after);
        holders.remove(from);
        holders.insert(to, &kept.now.id);
        self.freed.insert(from.clone(), step);
        self.gate(&kept.now.id, step);
    }

    /// Reconnects containers to the stack's network, and disconnects those that were not on it.
    fn attach(&mut self) {
        let stack: BTreeSet<&str> = self.networks().map(|network| network.name.as_str()).collect();
        let there: BTreeSet<&str> =
            self.observed.networks.iter().map(|network| network.name.as_str()).collect();
        let usable: Vec<Kept<'a>> =
            self.kept.iter().filter(|kept| !self.is_stuck(kept.now)).copied().collect();
        for Kept { was, now } in usable {
            // The network of a link may have been removed with its other end.
            let goes = |network: &&NetworkName| network.is_link() && !there.contains(network.as_str());
            for network in was.networks.iter().filter(|network| !now.networks.contains_key(network.as_str()))
            {
                if goes(&network) {
                    continue;
                }
                let place = was.attachment.as_ref().filter(|place| place.name == *network);
                let Some(place) = place.filter(|_| stack.contains(network.as_str())) else {
                    self.lost.push(format!("container {} was on network {network} and is not now", was.name));
                    continue;
                };
                let action = Action::Connect { container: existing(now), attachment: place.clone() };
                self.attachment(Kept { was, now }, action);
            }
            let gained = now.networks.keys().filter(|network| stack.contains(network.as_str()));
            for network in gained.map(NetworkName::from_stored).filter(|name| !was.networks.contains(name)) {
                self.attachment(Kept { was, now }, Action::Disconnect { container: existing(now), network });
            }
        }
    }

    /// The address is free once every container that has to stop has stopped.
    fn attachment(&mut self, kept: Kept<'a>, action: Action) {
        let mut after: BTreeSet<StepId> = self.gates.get(&kept.now.id).cloned().unwrap_or_default();
        after.extend(self.stops.values());
        let step = self.step(self.name(kept), action, after);
        self.gate(&kept.now.id, step);
    }

    /// Starts containers that ran before, providers before their consumers, once every container that might hold
    /// their port, address or volume has stopped.
    fn start(&mut self) {
        let started = |kept: &&Kept<'a>| {
            let stopped = self.stops.contains_key(&kept.now.id) || !runs(kept.now);
            kept.was.ran() && stopped && !kept.is_done() && !self.is_stuck(kept.now)
        };
        let mut starting: Vec<Kept<'a>> = self.kept.iter().filter(started).copied().collect();
        let ranks = ranks(starting.iter().filter_map(|k| Some((k.was.instance.as_ref()?, k.was.needs()))));
        let rank = |kept: &Kept<'a>| kept.was.instance.as_ref().and_then(|key| ranks.get(key).copied());
        starting.sort_by_cached_key(|kept| (rank(kept), self.name(*kept), kept.was.name.clone()));
        let mut providers: BTreeMap<&InstanceKey, (StepId, StepId)> = BTreeMap::new();
        for kept in starting {
            let (Kept { was, now }, name) = (kept, self.name(kept));
            let mut after: BTreeSet<StepId> = self.stops.values().copied().collect();
            after.extend(self.gates.get(&now.id).into_iter().flatten());
            for (provider, dependency) in &was.depends_on {
                let Some((started, ready)) = providers.get(provider) else { continue };
                let at_start = dependency.condition == DependencyCondition::ServiceStarted;
                after.insert(if at_start { *started } else { *ready });
            }
            let started = self.step(name.clone(), Action::Start { container: existing(now) }, after);
            let ready = match &was.readiness {
                Readiness::Running => started,
                readiness => {
                    let action = Action::Await { container: existing(now), readiness: readiness.clone() };
                    self.step(name, action, [started])
                }
            };
            if let Some(key) = &was.instance {
                providers.insert(key, (started, ready));
            }
        }
    }

    /// Checks that started containers without a health check are running, as after an apply.
    fn verify(&mut self) {
        let plain: BTreeSet<&ContainerId> = self
            .before
            .containers
            .iter()
            .filter(|container| container.readiness == Readiness::Running)
            .map(|container| &container.id)
            .collect();
        let started = |step: &Step| match &step.action {
            Action::Start { container: ContainerRef::Existing(id) } if plain.contains(id) => {
                let container = ContainerRef::Existing(id.clone());
                Some(RunningCheck {
                    instance: step.instance.clone()?,
                    container,
                    expected: Expected::NeverRestarted,
                })
            }
            _ => None,
        };
        let running: Vec<RunningCheck> = self.steps.iter().filter_map(started).collect();
        if !running.is_empty() {
            let ends = ends(&self.steps);
            self.step(None, Action::Verify { running, images: Vec::new() }, ends);
        }
    }

    /// Disconnects the provider, which belongs to another stack, from the network of a link.
    fn part(
        &mut self,
        network: &ObservedNetwork,
        name: &NetworkName,
        after: &BTreeSet<StepId>,
    ) -> BTreeSet<StepId> {
        let Some(provider) = network.labels.get(label::LINK) else { return BTreeSet::new() };
        let is_provider = |container: &&ObservedContainer| {
            container.networks.contains_key(&network.name)
                && container.label(label::INSTANCE_ID) == Some(provider.as_str())
                && self.ownership.is_ours(*container)
                && !self.owns(*container)
        };
        let providers: Vec<&ObservedContainer> =
            self.observed.containers.iter().filter(is_provider).collect();
        let part = |container: &ObservedContainer| {
            let action = Action::Disconnect { container: existing(container), network: name.clone() };
            self.step(None, action, after.iter().copied())
        };
        providers.into_iter().map(part).collect()
    }

    /// Removes networks that those applies created, except those whose names existed before.
    fn remove_networks(&mut self) {
        let ends = ends(&self.steps);
        for network in self.networks().collect::<Vec<_>>() {
            let name = NetworkName::from_stored(network.name.clone());
            if self.created(network) && !self.before.networks.contains(&name) {
                let mut after = ends.clone();
                after.extend(self.part(network, &name, &ends));
                self.step(None, Action::RemoveNetwork { id: network.id.clone(), name }, after);
            }
        }
    }
}

fn cannot_start(container: &ObservedContainer) -> String {
    format!("container {} cannot be started again; `devarch up` replaces it", container.name)
}

fn existing(container: &ObservedContainer) -> ContainerRef {
    ContainerRef::Existing(container.id.clone())
}

fn runs(container: &ObservedContainer) -> bool {
    matches!(container.state, RunState::Running | RunState::Paused)
}

/// Returns an unused name derived from a container's own.
fn aside(name: &ContainerName, holders: &BTreeMap<ContainerName, &ContainerId>) -> ContainerName {
    let first = ContainerName::from_stored(format!("{name}.undo"));
    let further = (2..u32::MAX).map(|n| ContainerName::from_stored(format!("{name}.undo{n}")));
    std::iter::once(first.clone()).chain(further).find(|name| !holders.contains_key(name)).unwrap_or(first)
}

/// Ranks providers before consumers, by the length of the longest chain of dependencies below each. Dependencies
/// recorded at different times can form a cycle; its members come last.
fn ranks<'b>(needs: impl Iterator<Item = (&'b InstanceKey, Needs<'b>)>) -> BTreeMap<InstanceKey, usize> {
    let mut dependencies: BTreeMap<&InstanceKey, Needs<'b>> = BTreeMap::new();
    for (key, needs) in needs {
        dependencies.entry(key).or_default().extend(needs);
    }
    let order = start_order(&dependencies);
    let last = order.len();
    let mut ranks: BTreeMap<InstanceKey, usize> = BTreeMap::new();
    for key in order {
        let below = dependencies[key].iter().filter_map(|need| ranks.get(*need)).max();
        ranks.insert(key.clone(), below.map_or(0, |below| below + 1));
    }
    for key in dependencies.into_keys() {
        ranks.entry(key.clone()).or_insert(last);
    }
    ranks
}
