//! From desired and observed state to steps: `plan` makes every decision, without side effects; the executor only
//! carries the steps out.

mod agreed;
mod applied_state;
mod assume;
mod before;
mod build;
mod change;
mod conflict;
mod diff;
mod instance;
mod model;
mod reason;
mod text;
mod trace;
mod undo;

pub use applied_state::{AppliedSpec, AppliedState, GivenBack, KeptData, SpecState};
pub use assume::{Assumptions, Difference, assumptions};
pub use before::{Before, BeforeContainer, BeforeInstance, InstanceKey, InstanceLabel, before};
pub use build::plan;
pub use change::{Change, ChangeKind, Consumer, Subject};
pub use conflict::Conflict;
pub use diff::{FieldDiff, changed_secrets, diff};
pub use model::{
    Action, Cause, ChangeId, ContainerRef, Expected, ImageCheck, Plan, PlanError, PlanOptions, RunningCheck,
    Step, StepId, Takeover, VolumeCopy,
};
pub use reason::Reason;
pub use text::{TextOptions, plan_text};
pub use undo::{Undo, undo};
