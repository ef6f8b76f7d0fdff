//! Instances of other stacks that a stack's wires refer to.

use super::{Effective, WiredStack};
use crate::{
    diagnostic::Problem,
    id::{EngineId, InstanceId, StackId},
    name::{InstanceName, StackName},
    observed::ImageInfo,
    readiness::{Readiness, readiness_of},
    stack::{DesiredRun, Stack},
    template::Provision,
    wire::{WireInstance, environment},
};
use std::collections::BTreeMap;

/// The linked instances of other stacks.
pub type LinkedInstances = BTreeMap<(StackName, InstanceName), LinkedInstance>;

/// An instance of another stack, with the facts its consumers need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedInstance {
    /// The stack.
    pub stack: StackId,
    /// The instance.
    pub instance: InstanceId,
    /// The engine that its stack is on; `None` before its first apply.
    pub engine: Option<EngineId>,
    /// Whether its container should run.
    pub wanted: DesiredRun,
    /// Its exports, its effective environment including wired variables, and its addresses.
    pub wire: WireInstance,
    /// The commands that create and remove consumers' own logins, by export.
    pub provisions: BTreeMap<String, Provision>,
    /// Problems with its exports: secrets that are not set or cannot be decrypted.
    pub problems: Vec<Problem>,
    /// Its effective config.
    config: Effective,
}

impl LinkedInstance {
    /// Returns an instance of a wired stack; `None` if the stack has no instance of that name.
    pub fn from_stack(stack: &Stack, wired: &WiredStack, name: &InstanceName) -> Option<Self> {
        let instance = stack.instances.get(name)?;
        let config = wired.effective.get(name)?.clone();
        let mut wire = wired.input.instances.get(name)?.clone();
        wire.environment = environment(&wire, wired.resolution.variables.get(name));
        let provisions =
            config.exports.iter().filter_map(|export| Some((export.name.clone(), export.provision.clone()?)));
        Some(Self {
            stack: stack.id.clone(),
            instance: instance.id.clone(),
            engine: stack.engine.as_ref().map(|engine| engine.id.clone()),
            wanted: stack.wanted(instance),
            wire,
            provisions: provisions.collect(),
            problems: wired
                .problems
                .iter()
                .map(|finding| &finding.problem)
                .filter(|it| it.instance.as_ref() == Some(name))
                .cloned()
                .collect(),
            config,
        })
    }

    /// Its image.
    pub fn image(&self) -> Option<&String> {
        self.config.service.image.as_ref()
    }

    /// Whether its stack builds that image.
    pub fn builds_image(&self) -> bool {
        self.config.service.build.is_some()
    }

    /// Returns the condition for being ready, given the images that are present.
    pub(crate) fn readiness(&self, images: &BTreeMap<String, ImageInfo>) -> Readiness {
        let service = &self.config.service;
        let image = self.image().and_then(|image| images.get(image));
        readiness_of(service.job.unwrap_or(false), service.healthcheck.as_ref(), image)
    }
}
