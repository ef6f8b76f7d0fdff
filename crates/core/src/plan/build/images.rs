//! Plans the images that containers are created from: present, pulled, or built.

use super::{Builder, Target};
use crate::{
    build::{BuildPart, BuildSpec},
    diagnostic::Problem,
    engine::EngineKind,
    id::ImageId,
    name::InstanceName,
    plan::{Action, Cause, ChangeKind, Conflict, Reason, StepId, Subject, instance::Source},
    resolve::Supply,
    stack::DesiredRun,
};
use std::collections::BTreeMap;

impl<'a> Builder<'a> {
    /// Returns the step that pulls or builds an instance's image, if one is needed.
    pub(super) fn image_step(&mut self, target: Target<'a>) -> Option<StepId> {
        let Target { name, instance, cause } = target;
        let (image, tag) = (&instance.spec.image, instance.spec.image_reference());
        self.name_build(target);
        if let Some(step) = self.images.get(image) {
            return Some(*step);
        }
        let present = self.case.observed.images.contains_key(tag);
        let known = self.case.observed.images.contains_key(image);
        let reason = Reason::NeededBy { instance: name.clone() };
        let step = match (self.case.source(image), instance.supply) {
            (Source::Stale(spec, changed), _) => self.build(tag, spec, Self::why(known, reason, changed)),
            (Source::Current(spec), _) if !present => match self.built_before(image, spec) {
                Some(image) => self.step(None, cause, Action::AdoptImage { image, tag: tag.to_owned() }, []),
                None => self.build(tag, spec, reason),
            },
            (Source::Unknown(spec), _) if !present => self.build(tag, spec, reason),
            (Source::Elsewhere, Supply::Never) if !present => {
                self.refuse(name, image);
                return None;
            }
            (Source::Elsewhere, _) if !present => {
                let cause = self.cause(Subject::Image(image.clone()), ChangeKind::Pull, reason);
                let platform = instance.spec.platform.clone();
                self.step(None, cause, Action::PullImage { image: image.clone(), platform }, [])
            }
            _ => return None,
        };
        self.images.insert(image.clone(), step);
        Some(step)
    }

    /// Whether a step supplies a different image than the one observed.
    pub(super) fn brings_another(&self, step: Option<StepId>) -> bool {
        step.is_some_and(|step| !matches!(self.steps[step.0].action, Action::AdoptImage { .. }))
    }

    /// Returns the image that an earlier DevArch built from the current sources, under a name that is no longer used.
    /// On Podman, an image built with arguments may carry those of another build.
    fn built_before(&self, image: &str, spec: &BuildSpec) -> Option<ImageId> {
        let observed = self.case.observed;
        if observed.engine.kind == EngineKind::Podman && !spec.args.is_empty() {
            return None;
        }
        observed.images.get(image).map(|image| image.id.clone())
    }

    /// Tags a build with its name in the definition, besides the one its containers are created from.
    pub(super) fn name_build(&mut self, target: Target<'_>) {
        let spec = &target.instance.spec;
        if self.case.desired.tags.get(&spec.image).is_some_and(|tag| tag.named) {
            let names = (spec.image_reference().to_owned(), spec.image.clone());
            self.second_names.entry(names).or_insert(target.cause);
        }
    }

    fn why(known: bool, needed: Reason, changed: Vec<BuildPart>) -> Reason {
        if known { Reason::Source { changed } } else { needed }
    }

    /// Builds an image; identical builds are run once.
    fn build(&mut self, image: &str, spec: &'a BuildSpec, reason: Reason) -> StepId {
        let change = self.change(Subject::Image(image.to_owned()), ChangeKind::Build, reason);
        self.changes[change.0].build = Some(Box::new(spec.clone()));
        let same = self.steps.iter_mut().enumerate().find_map(|(at, step)| match &mut step.action {
            Action::BuildImage { tags, spec: other } if **other == *spec => Some((StepId(at), tags)),
            _ => None,
        });
        if let Some((step, tags)) = same {
            tags.push(image.to_owned());
            step
        } else {
            let action = Action::BuildImage { tags: vec![image.to_owned()], spec: Box::new(spec.clone()) };
            self.step(None, Cause::Change(change), action, [])
        }
    }

    fn refuse(&mut self, name: &InstanceName, image: &str) {
        let message = format!(
            "image {image} is not on the engine, and pull_policy is never; pull or build it there, or let it be pulled: \
             `devarch set {}/{name} pull_policy=missing`",
            self.case.desired.identity.stack_name
        );
        self.refused.push(Conflict(Problem::in_field(name, "pull_policy", message)));
    }

    /// Returns the images whose ids only a registry lookup or a build can tell.
    pub(super) fn unsettled(&self) -> BTreeMap<String, Supply> {
        if self.case.options.supplied {
            return BTreeMap::new();
        }
        let desired = self.case.desired;
        let running = desired.instances.values().filter(|instance| instance.wanted == DesiredRun::Running);
        let open = running.filter(|instance| !self.images.contains_key(&instance.spec.image));
        let looked_up = open.filter(|instance| match instance.supply {
            Supply::Always => true,
            Supply::Build => {
                let build = desired.builds.get(&instance.spec.image);
                self.case.options.build || build.is_some_and(|build| build.pull)
            }
            Supply::Missing | Supply::Never => false,
        });
        looked_up.map(|it| (it.spec.image_reference().to_owned(), it.supply)).collect()
    }
}
