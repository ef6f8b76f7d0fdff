//! The images containers are made from: there, pulled, or built.

use super::Builder;
use crate::{
    build_hash::BuildPart,
    desired::DesiredInstance,
    name::InstanceName,
    plan::{Action, Change, ChangeKind, Conflict, Reason, StepId, Subject, instance::Source},
    resolve::{BuildSpec, Problem, Supply},
    stack::Wanted,
};
use std::collections::BTreeMap;

impl<'a> Builder<'a> {
    /// The step that brings an instance's image, if one has to.
    pub(super) fn image_step(
        &mut self,
        name: &InstanceName,
        instance: &'a DesiredInstance,
    ) -> Option<StepId> {
        let image = &instance.spec.image;
        if let Some(step) = self.images.get(image) {
            return Some(*step);
        }
        let present = self.case.observed.images.contains_key(image);
        let reason = Reason::NeededBy { instance: name.clone() };
        match (self.case.source(image), instance.supply) {
            (Source::Stale(spec, changed), _) => {
                Some(self.build(image, spec, Self::why(present, reason, changed)))
            }
            (Source::Unknown(spec), _) if !present => Some(self.build(image, spec, reason)),
            (Source::Elsewhere, Supply::Never) if !present => {
                self.refuse(name, image);
                None
            }
            (Source::Elsewhere, _) if !present => {
                self.change(Subject::Image(image.clone()), ChangeKind::Pull, reason);
                let platform = instance.spec.platform.clone();
                let step = self.step(None, Action::PullImage { image: image.clone(), platform }, []);
                self.images.insert(image.clone(), step);
                Some(step)
            }
            _ => None,
        }
    }

    fn why(present: bool, needed: Reason, changed: Vec<BuildPart>) -> Reason {
        if present { Reason::Source { changed } } else { needed }
    }

    /// What is built from the same things is built once.
    fn build(&mut self, image: &str, spec: &'a BuildSpec, reason: Reason) -> StepId {
        let change: &mut Change = self.change(Subject::Image(image.to_owned()), ChangeKind::Build, reason);
        change.build = Some(Box::new(spec.clone()));
        let same = self.steps.iter_mut().enumerate().find_map(|(at, step)| match &mut step.action {
            Action::BuildImage { tags, spec: other } if **other == *spec => Some((StepId(at), tags)),
            _ => None,
        });
        let step = if let Some((step, tags)) = same {
            tags.push(image.to_owned());
            step
        } else {
            let action = Action::BuildImage { tags: vec![image.to_owned()], spec: Box::new(spec.clone()) };
            self.step(None, action, [])
        };
        self.images.insert(image.to_owned(), step);
        step
    }

    fn refuse(&mut self, name: &InstanceName, image: &str) {
        let message = format!(
            "image {image} is not on the engine, and pull_policy is never; pull or build it there, or let it be pulled: \
             `devarch set {}/{name} pull_policy=missing`",
            self.case.desired.identity.stack_name
        );
        self.refused.push(Conflict(Problem::of(name, "pull_policy", message)));
    }

    /// Images of which only a look into the registry tells what they are.
    pub(super) fn unsettled(&self) -> BTreeMap<String, Supply> {
        if self.case.options.supplied {
            return BTreeMap::new();
        }
        let desired = self.case.desired;
        let running = desired.instances.values().filter(|instance| instance.wanted == Wanted::Running);
        let looked_up = running.filter(|instance| match instance.supply {
            Supply::Always => true,
            Supply::Build => desired.builds.get(&instance.spec.image).is_some_and(|build| build.pull),
            Supply::Missing | Supply::Never => false,
        });
        looked_up.map(|instance| (instance.spec.image.clone(), instance.supply)).collect()
    }
}
