//! DevArch's use-cases: one free function per operation, over a [`Context`] that is built once at the edge. Command line,
//! render what comes back.
//!
//! A change goes `edit` -> store; a run goes `observe` -> [`devarch_core::plan::plan`] -> `execute`.

mod adopt;
mod apply;
mod build_context;
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

pub use adopt::{Leftover, find_leftovers, remove_leftovers, renew_identity};
pub use apply::{
    ApplyOptions, Approved, Interrupted, Recover, ShownChange, ShownPlan, ShownStep, apply, find_interrupted,
    is_plan_id, lease_plan, left_open, load_saved_plan, save_plan, undo_interrupted,
};
pub use catalog::{Catalog, CatalogEntry, CatalogSource};
pub use compose::{Composed, Written, compose_stack, write_compose};
pub use config::{Configs, InstanceConfig, config_changes, find_instance, shown_template, stack_config};
pub use container::{LogLine, LogRequest, Shell, find_shell, open_logs};
pub use context::{Context, connect_engine, find_stack};
pub use copy_name::free_copy_name;
pub use delete::{Deleted, Deletion, delete_stack, plan_deletion};
pub use doctor::{Check, Verdict, doctor};
pub use edit::{
    Draft, ImportSource, NewInstance, SecretInfo, SecretUse, Target, add_instance, add_wire, clone_stack,
    create_stack, draft_import, draft_rollback, draft_running, enable_stack, generate_secret,
    keep_imported_secrets, list_secrets, remove_instance, remove_secret, remove_wire, rename_instance,
    rename_stack, reveal_secret, save_draft, set_fields, set_secret, set_wanted, unset_fields,
    upgrade_templates,
};
pub use error::{
    Ambiguous, ApplyError, Conflict, DefinitionError, Elsewhere, ErrorKind, FileError, InUse, LoginError,
    NotFound, OperationError, Outdated, SecretError, Unreadable, Unremovable, WrongState,
};
pub use execute::{ApplyFailure, Ending, Event, EventSink, Failure, Outcome};
pub use here::{find_import, find_stack_of_directory, load_project_stack};
pub use history::{Ended, HistoryDetail, HistoryEntry, StepDetail, find_history_entry, list_history};
pub use host_view::own_places;
pub use images::{ImageOptions, Lookup, Supplied, supply_images};
pub use init::{ComposeImport, ComposeSource, project_from_compose, project_of, write_project};
pub use links::{LinkedFrom, linked_from};
pub use lock::{HeldLock, LockRequest, StackLocks, acquire_locks, list_locks, release_lock};
pub use logins::{Droppable, drop_logins, droppable_logins, logins_elsewhere, own_logins};
pub use prepare::{HostFiles, PrepareOptions, Prepared, prepare, prepare_stack};
pub use project::{PROJECT_FILE, Project};
pub use reset::{Loss, LostSecret, LostValue, LostVolume, key_loss, reset_key};
pub use secrets::{export_key, import_key, rotate_key, secret_mask};
pub use settings::Settings;
pub use status::{
    InstanceStatus, LastApply, PortStatus, StackStatus, Stands, StatusOptions, StepUnderWay, Waiting,
    all_statuses, stack_status,
};
pub use strays::{Strays, adopt_strays, find_strays};
pub use surroundings::Surroundings;
pub use wiring::{Wires, instance_environment, list_wires};
