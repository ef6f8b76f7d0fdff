//! What has to come before what: proof before memory, memory before removal.

use super::{Builder, existing, links::is_link};
use crate::{
    name::NetworkName,
    observed::ObservedContainer,
    plan::{Action, ChangeKind, Reason, StepId, Subject, model::ends},
    stack::Wanted,
};
use std::collections::BTreeSet;

impl Builder<'_> {
    /// Whether `step` comes after `other`.
    pub(super) fn depends(&self, step: StepId, other: StepId) -> bool {
        let (mut seen, mut todo) = (BTreeSet::new(), vec![step]);
        while let Some(step) = todo.pop() {
            if step == other {
                return true;
            }
            if seen.insert(step) {
                todo.extend(&self.steps[step.0].after);
            }
        }
        false
    }

    /// Stops a container, or renames it, without waiting for its successor's providers; the successor still does.
    pub(super) fn release_early(&mut self, stop: StepId) {
        let gates: BTreeSet<StepId> = self.ready.values().chain(self.started.values()).copied().collect();
        let moved: Vec<StepId> = self.steps[stop.0].after.intersection(&gates).copied().collect();
        self.steps[stop.0].after.retain(|step| !gates.contains(step));
        let instance = self.steps[stop.0].instance.clone();
        let start = self.started.iter().find(|(name, _)| Some(**name) == instance.as_ref());
        if let Some((_, start)) = start {
            self.steps[start.0].after.extend(moved);
        }
    }

    /// What changes no container is remembered when everything is ready: it needs no undoing.
    pub(super) fn remember_all(&mut self) {
        let ends = ends(&self.steps);
        for (name, made) in std::mem::take(&mut self.memories) {
            self.step(Some(name), Action::Remember { made }, ends.clone());
        }
    }

    /// What is replaced, unwanted or wrongly connected goes only when everything else is ready; the network last.
    pub(super) fn commit(&mut self) {
        let ends = ends(&self.steps);
        let mut removed = ends.clone();
        for (name, container, network) in std::mem::take(&mut self.strays) {
            let action = Action::Disconnect { container: existing(container), network };
            removed.insert(self.step(Some(name), action, ends.clone()));
        }
        let mut holders: Vec<(StepId, &ObservedContainer)> = Vec::new();
        for (instance, container, name) in std::mem::take(&mut self.removals) {
            let action = Action::RemoveContainer { container: existing(container), name };
            let step = self.step(instance.as_ref(), action, ends.clone());
            removed.insert(step);
            holders.push((step, container));
        }
        for (instance, name) in self.copied() {
            self.step(instance.as_ref(), Action::RemoveVolume { name }, ends.clone());
        }
        for name in self.spent_copies() {
            self.change(Subject::Volume(name.clone()), ChangeKind::Remove, Reason::SpentCopy);
            // Also a container that is stopped holds its volumes: one that was copying when its apply was killed.
            let holding = holders.iter().filter(|(_, container)| container.volumes.contains(name.as_str()));
            let mut after = ends.clone();
            after.extend(holding.map(|(step, _)| *step));
            self.step(None, Action::RemoveVolume { name }, after);
        }
        for (image, name) in std::mem::take(&mut self.second_names) {
            self.step(None, Action::TagImage { image, name }, ends.clone());
        }
        let desired = self.case.desired;
        let wanted = desired.instances.values().any(|instance| instance.wanted != Wanted::Absent);
        let links = self.kept_links();
        for network in self.networks() {
            let stays = if is_link(network) {
                links.contains(network.name.as_str())
            } else {
                wanted && network.name == desired.network.name.as_str()
            };
            if stays {
                continue;
            }
            let name = NetworkName::from_stored(network.name.clone());
            let reason = match (wanted, is_link(network)) {
                (false, _) => Reason::WantedAbsent,
                (true, true) => Reason::LinkEnded,
                (true, false) => Reason::NotDefined,
            };
            self.change(Subject::Network(name.clone()), ChangeKind::Remove, reason);
            let mut after = removed.clone();
            after.extend(self.part(network, &ends));
            self.step(None, Action::RemoveNetwork { id: network.id.clone(), name }, after);
        }
    }
}
