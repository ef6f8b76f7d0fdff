//! From wanted and observed to steps: `plan` decides everything, purely; the executor only carries out.

mod assume;
mod before;
mod build;
mod conflict;
mod diff;
mod instance;
mod model;
mod text;
mod undo;

pub use assume::{Assumptions, Difference, assumptions};
pub use before::{Before, BeforeContainer, before};
pub use build::plan;
pub use conflict::Conflict;
pub use diff::{FieldDiff, changed_secrets, diff};
pub use model::{
    Action, AppliedState, Change, ChangeKind, Consumer, ContainerRef, Made, Plan, PlanError, PlanOptions,
    Reason, Remembered, RememberedSpec, Step, StepId, Subject, VolumeCopy,
};
pub use text::{TextOptions, plan_text};
pub use undo::{Undo, undo};
