//! A plan as stored in journal and history: what was shown, without secrets, and the order of its steps.

use crate::{OperationError, error::ApplyError};
use devarch_core::{
    id::ContainerId,
    name::InstanceName,
    plan::{Action, ContainerRef, Plan, Step, VolumeCopy},
    readiness::Readiness,
    record::{RecordError, Versioned, version},
};
use devarch_store::Apply;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// The version of the stored format.
const VERSION: u64 = 1;

/// A plan as it was shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Versioned<Form>", try_from = "Value")]
pub struct ShownPlan {
    /// The changes.
    pub changes: Vec<ShownChange>,
    /// The steps.
    pub steps: Vec<ShownStep>,
}

/// Version 1 of the stored format.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Form {
    changes: Vec<ShownChange>,
    steps: Vec<ShownStep>,
}

impl From<ShownPlan> for Versioned<Form> {
    fn from(ShownPlan { changes, steps }: ShownPlan) -> Self {
        Self::new(VERSION, Form { changes, steps })
    }
}

impl TryFrom<Value> for ShownPlan {
    type Error = RecordError;

    fn try_from(record: Value) -> Result<Self, RecordError> {
        version(&record, VERSION)?;
        let Form { changes, steps } = serde_json::from_value(record)?;
        Ok(Self { changes, steps })
    }
}

impl ShownPlan {
    /// Reads the plan that an apply executed from its journal.
    pub(crate) fn of_apply(apply: &Apply) -> Result<Self, OperationError> {
        let unreadable = |source| ApplyError::Journal { apply: apply.id.clone(), source }.into();
        serde_json::from_str(&apply.shown).map_err(unreadable)
    }
}

/// A change, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownChange {
    /// `+`, `~`, `-/+` or `-`.
    pub sign: String,
    /// What changed.
    pub subject: String,
    /// The reason.
    pub reason: String,
}

/// A step, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownStep {
    /// The instance it served.
    pub instance: Option<InstanceName>,
    /// The action.
    pub what: String,
    /// The indices of the steps it follows.
    pub after: Vec<usize>,
    /// The existing container it stopped, if any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stops: Option<ContainerId>,
    /// The volume it copied.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub copies: Option<VolumeCopy>,
    /// Whether it waited until the instance's health check passed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub proves_health: bool,
}

impl fmt::Display for ShownStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.instance {
            Some(instance) => write!(f, "{instance}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl ShownPlan {
    /// Returns the stored parts of a plan.
    pub fn from_plan(plan: &Plan) -> Self {
        let changes = plan.changes.iter().map(|change| ShownChange {
            sign: change.kind.sign().to_owned(),
            subject: change.subject.to_string(),
            reason: change.reason.to_string(),
        });
        Self { changes: changes.collect(), steps: plan.steps.iter().map(shown).collect() }
    }
}

fn shown(step: &Step) -> ShownStep {
    let stops = match &step.action {
        Action::Stop { container: ContainerRef::Existing(id), .. } => Some(id.clone()),
        _ => None,
    };
    let copies = match &step.action {
        Action::CopyVolume(copy) => Some(copy.clone()),
        _ => None,
    };
    ShownStep {
        instance: step.instance.clone(),
        what: step.action.to_string(),
        after: step.after.iter().map(|before| before.0).collect(),
        stops,
        copies,
        proves_health: matches!(&step.action, Action::Await { readiness: Readiness::Healthy(_), .. }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = include_str!("../../tests/records/shown-1.json");

    #[test]
    fn a_plan_without_a_version_is_read_and_written_with_one() {
        let plan: ShownPlan = serde_json::from_str(FIRST).unwrap();
        assert_eq!((plan.changes.len(), plan.steps.len()), (1, 7));
        assert!(plan.steps[1].stops.is_some() && plan.steps[5].proves_health);
        let written = serde_json::to_string(&plan).unwrap();
        assert_eq!(written, FIRST.replacen('{', "{\"version\":1,", 1));
        assert_eq!(serde_json::from_str::<ShownPlan>(&written).unwrap(), plan);
    }

    #[test]
    fn a_plan_of_a_newer_version_is_refused() {
        let newer = FIRST.replacen('{', "{\"version\":2,", 1);
        let refused = serde_json::from_str::<ShownPlan>(&newer).unwrap_err().to_string();
        assert!(refused.contains("newer devarch (form 2, this one knows 1)"), "{refused}");
    }
}
