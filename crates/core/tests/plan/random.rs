//! Random stacks, and random manual changes to them.

use crate::support::Scenario;
use devarch_core::{
    name::ContainerName,
    observed::{ObservedContainer, RunState},
    stack::{DesiredRun, Stack},
};
use proptest::prelude::*;

/// Generates a few fields of an instance.
fn instance(others: usize) -> impl Strategy<Value = String> {
    let needs = proptest::collection::btree_set(0..others.max(1), 0..3);
    (0..3_u8, 0..2_u8, any::<bool>(), any::<bool>(), needs, 0..4_u8).prop_map(
        move |(env, port, volume, job, needs, check)| {
            let mut fields = vec!["template: t".to_owned(), format!("environment: {{A: \"{env}\"}}")];
            if port > 0 {
                fields.push("ports: [\"80\"]".to_owned());
            }
            if volume {
                fields.push("volumes: [\"data:/data\"]".to_owned());
            }
            if job && port == 0 {
                fields.push("job: true".to_owned());
            } else if check == 0 {
                fields.push("healthcheck: {test: \"true\"}".to_owned());
            }
            if check == 1 {
                fields.push("config_files: {/etc/x: y}".to_owned());
            }
            let needs: Vec<String> =
                needs.into_iter().filter(|need| *need < others).map(|need| format!("i{need}")).collect();
            fields.push(format!("depends_on: [{}]", needs.join(", ")));
            format!("{{{}}}", fields.join(", "))
        },
    )
}

pub(crate) fn random_stack() -> impl Strategy<Value = String> {
    (1..7_usize).prop_flat_map(|count| {
        let instances: Vec<_> = (0..count).map(instance).collect();
        instances.prop_map(|instances| {
            instances
                .iter()
                .enumerate()
                .map(|(n, text)| format!("i{n}: {text}"))
                .collect::<Vec<_>>()
                .join("\n")
        })
    })
}

/// Generates a stack and an edited version that keeps some instances unchanged.
pub(crate) fn random_edit() -> impl Strategy<Value = (String, String)> {
    let stays = prop_oneof![Just(vec![true; 7]), proptest::collection::vec(any::<bool>(), 7)];
    (random_stack(), random_stack(), stays).prop_map(|(from, to, stays)| {
        let mut old = from.lines();
        let edited: Vec<&str> =
            to.lines().zip(stays).map(|(new, stays)| old.next().filter(|_| stays).unwrap_or(new)).collect();
        let edited = edited.join("\n");
        (from, edited)
    })
}

/// A manual change to an engine, applied to the container with that number if it affects one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deed {
    Stop(usize),
    Remove(usize),
    Pause(usize),
    Disconnect(usize),
    ConnectElsewhere(usize),
    Rename(usize),
    Retag,
    RemoveNetwork,
    RemoveVolume(usize),
}

pub(crate) fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = (0..9_u8, 0..7_usize).prop_map(|(kind, which)| match kind {
        0 => Deed::Stop(which),
        1 => Deed::Remove(which),
        2 => Deed::Pause(which),
        3 => Deed::Disconnect(which),
        4 => Deed::ConnectElsewhere(which),
        5 => Deed::Rename(which),
        6 => Deed::Retag,
        7 => Deed::RemoveNetwork,
        _ => Deed::RemoveVolume(which),
    });
    proptest::collection::vec(deed, 0..4)
}

/// Applies manual changes to the in-memory engine, if a real one would allow them.
pub(crate) fn meddle(scenario: &mut Scenario, deeds: &[Deed]) {
    for deed in deeds {
        match *deed {
            Deed::Retag => scenario.add_image("busybox:1", "sha256:dddddddddddddddd"),
            Deed::RemoveNetwork => {
                for container in &mut scenario.observed.containers {
                    stop(container);
                    container.networks.clear();
                }
                scenario.observed.networks.clear();
            }
            Deed::RemoveVolume(which) => {
                let Some(volume) = scenario.observed.volumes.keys().nth(which).cloned() else { continue };
                scenario.observed.containers.retain(|container| !container.volumes.contains(&volume));
                scenario.observed.volumes.remove(&volume);
            }
            Deed::Remove(which) if which < scenario.observed.containers.len() => {
                scenario.observed.containers.remove(which);
            }
            Deed::Stop(which)
            | Deed::Remove(which)
            | Deed::Pause(which)
            | Deed::Disconnect(which)
            | Deed::ConnectElsewhere(which)
            | Deed::Rename(which) => {
                if let Some(container) = scenario.observed.containers.get_mut(which) {
                    to_container(container, *deed, which);
                }
            }
        }
    }
}

fn to_container(container: &mut ObservedContainer, deed: Deed, which: usize) {
    match deed {
        Deed::Stop(_) => stop(container),
        Deed::Pause(_) if container.state == RunState::Running => container.state = RunState::Paused,
        Deed::Disconnect(_) => container.networks.clear(),
        Deed::ConnectElsewhere(_) => {
            let address = format!("172.30.0.{}", which + 2).parse().unwrap();
            container.networks.insert("elsewhere".to_owned(), Some(address));
        }
        Deed::Rename(_) => container.name = ContainerName::from_stored(format!("by-hand-{which}")),
        _ => {}
    }
}

fn stop(container: &mut ObservedContainer) {
    container.state = RunState::Exited;
    container.exit_code = Some(1);
    container.ports.clear();
}

/// The desired run states of some instances, instead of running.
#[derive(Debug, Clone)]
pub(crate) struct Wish(Vec<DesiredRun>);

pub(crate) fn wish() -> impl Strategy<Value = Wish> {
    let wanted = prop_oneof![4 => Just(DesiredRun::Running), 1 => Just(DesiredRun::Stopped), 1 => Just(DesiredRun::Absent)];
    proptest::collection::vec(wanted, 7).prop_map(Wish)
}

impl Wish {
    pub(crate) fn of(&self, mut stack: Stack) -> Stack {
        for (instance, wanted) in stack.instances.values_mut().zip(&self.0) {
            instance.wanted = *wanted;
        }
        stack
    }
}
