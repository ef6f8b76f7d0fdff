//! The checks before the commit point: started containers are running, and were created from the planned images.

use super::Builder;
use crate::{
    name::InstanceName,
    plan::{Action, Cause, ContainerRef, Expected, ImageCheck, RunningCheck, StepId, model::ends},
    readiness::Readiness,
    template::RestartPolicy,
};

impl Builder<'_> {
    /// Adds the checks: a container that exits at once must not count as started, nor one of another image as
    /// planned.
    pub(super) fn verify(&mut self) {
        let (running, images) = (self.running_checks(), self.image_checks());
        let action = match (running.is_empty(), images.is_empty()) {
            (true, true) => return,
            (true, false) => Action::VerifyImages { images },
            (false, _) => Action::Verify { running, images },
        };
        let ends = ends(&self.steps);
        self.step(None, Cause::Commit, action, ends);
    }

    /// Returns started containers without a health check, and those whose start was not observed.
    fn running_checks(&self) -> Vec<RunningCheck> {
        let unchecked = |name: &InstanceName| {
            let readiness = &self.case.desired.instances[name].readiness;
            *readiness == Readiness::Running
        };
        let started = self.started.iter().filter(|(name, _)| unchecked(name));
        let started = started.filter_map(|(name, step)| match &self.steps[step.0].action {
            Action::Start { container } => Some((*name, container)),
            _ => None,
        });
        let doubted = self.doubted.iter().map(|(name, container)| (*name, container));
        let check = |(name, container): (&InstanceName, &ContainerRef)| RunningCheck {
            instance: name.clone(),
            container: container.clone(),
            expected: self.expected(container),
        };
        started.chain(doubted).map(check).collect()
    }

    /// Chooses the check: one list of all containers is faster than inspecting many, so it is used where it is
    /// sufficient.
    fn expected(&self, container: &ContainerRef) -> Expected {
        let ContainerRef::MadeBy(step) = container else { return Expected::NeverRestarted };
        match &self.steps[step.0].action {
            Action::CreateContainer { made, .. } if made.spec.restart == RestartPolicy::No => {
                Expected::Running
            }
            _ => Expected::NeverRestarted,
        }
    }

    /// Returns the new containers whose images are known; for others only their creation shows the image.
    fn image_checks(&self) -> Vec<ImageCheck> {
        let steps = self.steps.iter().enumerate();
        let checks = steps.filter_map(|(at, step)| match &step.action {
            Action::CreateContainer { made, .. } => Some(ImageCheck {
                instance: step.instance.clone()?,
                container: ContainerRef::MadeBy(StepId(at)),
                image: made.spec.image.clone(),
                planned: made.image_id.clone()?,
            }),
            _ => None,
        });
        checks.collect()
    }
}
