//! DevArch's use-cases: one function per operation. Command line, API and pages parse, call one of these, and
//! render what comes back.
//!
//! A change goes `edit` -> store; a run goes `observe` -> [`devarch_core::plan::plan`] -> `execute`.

mod adopt;
mod app;
mod apply;
mod catalog;
mod compose;
mod config;
mod container;
mod contents;
mod context;
mod copy_name;
mod delete;
mod doctor;
mod edit;
mod elsewhere;
mod engine_identity;
mod error;
mod execute;
mod here;
mod history;
mod host;
mod host_view;
mod images;
mod init;
mod kept;
mod links;
mod lock;
mod logins;
mod observe;
mod prepare;
mod project;
mod reset;
mod secrets;
mod settings;
mod status;
mod strays;
mod surroundings;
mod text_file;
mod wiring;

pub use adopt::Leftover;
pub use app::App;
pub use apply::{
    ApplyOptions, Approved, Interrupted, Recover, ShownChange, ShownPlan, ShownStep, is_plan_id,
};
pub use catalog::{Catalog, CatalogEntry, CatalogSource};
pub use compose::{Composed, Written};
pub use config::{Configs, InstanceConfig, shown_template};
pub use container::{LogLine, LogRequest, Shell};
pub use delete::{Deleted, Deletion};
pub use doctor::{Check, Verdict, doctor};
pub use edit::{Draft, ImportSource, NewInstance, SecretInfo, SecretUse, Target};
pub use error::{AppError, ErrorKind};
pub use execute::{ApplyFailure, Ending, Event, EventSink, Failure, Outcome};
pub use history::{Ended, HistoryDetail, HistoryEntry, StepDetail};
pub use host_view::own_places;
pub use images::{ImageOptions, Lookup, Supplied};
pub use init::{ComposeImport, ComposeSource, project_from_compose, project_of, write_project};
pub use links::LinkedFrom;
pub use lock::{HeldLock, LockRequest, StackLocks};
pub use logins::Droppable;
pub use prepare::{HostFiles, PrepareOptions, Prepared};
pub use project::{PROJECT_FILE, Project};
pub use reset::{Loss, LostSecret, LostValue, LostVolume};
pub use settings::Settings;
pub use status::{
    InstanceStatus, LastApply, PortStatus, StackStatus, Stands, StatusOptions, StepUnderWay, Waiting,
};
pub use strays::Strays;
pub use surroundings::Surroundings;
pub use wiring::Wires;
