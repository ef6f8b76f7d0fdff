//! A plan's steps as text for tests and tracing: each action, its cause, and the steps it comes after.

use super::{
    Action, Cause, Change, ContainerRef, Expected, ImageCheck, Plan, RunningCheck, Step, Undo, text::Lines,
};
use std::fmt;

/// Digits that are enough to identify an id.
const SHORT: usize = 12;

impl Plan {
    /// Returns the steps as text, one per line: `#2 db: start #1 {+ db: does not exist} after #0 #1`. Sorted and
    /// stable, so that two traces can be diffed.
    pub fn trace(&self) -> String {
        trace(&self.steps, &self.changes)
    }
}

impl Undo {
    /// Returns the steps as text, as [`Plan::trace`] does.
    pub fn trace(&self) -> String {
        trace(&self.steps, &[])
    }
}

fn trace(steps: &[Step], changes: &[Change]) -> String {
    let mut text = Lines::default();
    for (number, step) in steps.iter().enumerate() {
        let who = step.instance.as_ref().map_or_else(String::new, |instance| format!("{instance}: "));
        write!(text, "#{number} {who}{}", Shown(&step.action));
        write!(text, " {{{}}}", cause(step.cause, changes));
        if !step.after.is_empty() {
            let after: Vec<String> = step.after.iter().map(|before| format!("#{}", before.0)).collect();
            write!(text, " after {}", after.join(" "));
        }
        text.blank();
    }
    text.into_string()
}

fn cause(cause: Cause, changes: &[Change]) -> String {
    match cause {
        Cause::Change(change) => changes.get(change.0).map_or_else(String::new, |change| {
            format!("{} {}: {}", change.kind.sign(), change.subject, change.reason)
        }),
        Cause::Proof => "proof".to_owned(),
        Cause::Commit => "commit".to_owned(),
        Cause::Undo => "undo".to_owned(),
    }
}

/// An action, displayed with its containers.
struct Shown<'a>(&'a Action);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        match self.0 {
            Action::PutFiles { container, .. }
            | Action::Connect { container, .. }
            | Action::Disconnect { container, .. }
            | Action::Provision { container, .. }
            | Action::Start { container }
            | Action::Stop { container, .. }
            | Action::Rename { container, .. }
            | Action::RemoveContainer { container, .. }
            | Action::Await { container, .. } => write!(f, " [{}]", place(container)),
            Action::Verify { running, images } => write!(f, " [{}]", checks(running, images)),
            Action::VerifyImages { images } => write!(f, " [{}]", checks(&[], images)),
            Action::PullImage { .. }
            | Action::BuildImage { .. }
            | Action::AdoptImage { .. }
            | Action::TagImage { .. }
            | Action::CreateNetwork { .. }
            | Action::RemoveNetwork { .. }
            | Action::CreateVolume { .. }
            | Action::CopyVolume(_)
            | Action::RemoveVolume { .. }
            | Action::CreateContainer { .. }
            | Action::Remember { .. } => Ok(()),
        }
    }
}

/// Returns the number of the step that creates a container, or the beginning of its id.
fn place(container: &ContainerRef) -> String {
    match container {
        ContainerRef::Existing(id) => id.as_str().chars().take(SHORT).collect(),
        ContainerRef::MadeBy(step) => format!("#{}", step.0),
    }
}

fn checks(running: &[RunningCheck], images: &[ImageCheck]) -> String {
    let running = running.iter().map(|check| {
        let expected = match check.expected {
            Expected::Running => "runs",
            Expected::NeverRestarted => "runs, never restarted",
        };
        format!("{} {} {expected}", check.instance, place(&check.container))
    });
    let images = images
        .iter()
        .map(|check| format!("{} {} is of {}", check.instance, place(&check.container), check.planned));
    running.chain(images).collect::<Vec<_>>().join("; ")
}
