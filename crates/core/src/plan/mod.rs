//! From wanted and observed to steps: `plan` decides everything, purely; the executor only carries out.

mod build;
mod conflict;
mod diff;
mod instance;
mod model;
mod text;

pub use build::plan;
pub use conflict::Conflict;
pub use diff::{FieldDiff, diff};
pub use model::{
    Action, Change, ChangeKind, ContainerRef, Made, Plan, PlanError, PlanOptions, Reason, Remembered,
    RememberedSpec, Step, StepId, Subject,
};
pub use text::{TextOptions, plan_text};
