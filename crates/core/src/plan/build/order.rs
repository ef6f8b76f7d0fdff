//! The order of a plan's last steps: verify, then record, then remove.

use super::{Builder, Memory, Removal, Stray, existing, links::is_link};
use crate::{
    name::NetworkName,
    observed::{ObservedContainer, ObservedNetwork},
    plan::{Action, ChangeKind, Reason, StepId, Subject, model::ends},
    stack::DesiredRun,
};
use std::collections::BTreeSet;

impl<'a> Builder<'a> {
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

    /// Lets a stop or rename run without waiting for the new container's providers; the new container still waits.
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

    /// Records changes that affect no container once everything is ready; they need no undo.
    pub(super) fn remember_all(&mut self) {
        let ends = ends(&self.steps);
        for Memory { name, made, cause } in std::mem::take(&mut self.memories) {
            self.step(Some(name), cause, Action::Remember { made }, ends.clone());
        }
    }

    /// Removes replaced, unneeded and wrongly connected objects once everything else is ready; networks last.
    pub(super) fn commit(&mut self) {
        let ends = ends(&self.steps);
        let mut removed = ends.clone();
        for Stray { name, container, network, cause } in std::mem::take(&mut self.strays) {
            let action = Action::Disconnect { container: existing(container), network };
            removed.insert(self.step(Some(name), cause, action, ends.clone()));
        }
        let mut holders: Vec<(StepId, &ObservedContainer)> = Vec::new();
        for Removal { instance, container, name, cause } in std::mem::take(&mut self.removals) {
            let action = Action::RemoveContainer { container: existing(container), name };
            let step = self.step(instance, cause, action, ends.clone());
            removed.insert(step);
            holders.push((step, container));
        }
        self.remove_copies(&ends);
        for name in self.spent_copies() {
            let cause = self.cause(Subject::Volume(name.clone()), ChangeKind::Remove, Reason::SpentCopy);
            // A stopped container holds its volumes too, such as one that was copying when its apply was killed.
            let holding = holders.iter().filter(|(_, container)| container.volumes.contains(name.as_str()));
            let mut after = ends.clone();
            after.extend(holding.map(|(step, _)| *step));
            self.step(None, cause, Action::RemoveVolume { name }, after);
        }
        for ((image, name), cause) in std::mem::take(&mut self.second_names) {
            self.step(None, cause, Action::TagImage { image, name }, ends.clone());
        }
        for network in self.networks() {
            self.remove_network(network, &ends, &removed);
        }
    }

    /// Removes a network that is no longer needed, after the containers removed by `removed` have left it.
    fn remove_network(
        &mut self,
        network: &'a ObservedNetwork,
        ends: &BTreeSet<StepId>,
        removed: &BTreeSet<StepId>,
    ) {
        let desired = self.case.desired;
        let wanted = desired.instances.values().any(|instance| instance.wanted != DesiredRun::Absent);
        let stays = if is_link(network) {
            self.kept_links().contains(network.name.as_str())
        } else {
            wanted && network.name == desired.network.name.as_str()
        };
        if stays {
            return;
        }
        let name = NetworkName::from_stored(network.name.clone());
        let reason = match (wanted, is_link(network)) {
            (false, _) => Reason::WantedAbsent,
            (true, true) => Reason::LinkEnded,
            (true, false) => Reason::NotDefined,
        };
        let cause = self.cause(Subject::Network(name.clone()), ChangeKind::Remove, reason);
        let mut after = removed.clone();
        after.extend(self.part(network, cause, ends));
        self.step(None, cause, Action::RemoveNetwork { id: network.id.clone(), name }, after);
    }
}
