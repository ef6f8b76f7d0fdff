//! DevArch's operations: free functions, each over a [`Context`] that is created once at the edge. Command line, API
//! and pages parse a request, call one of these, and render the result.
//!
//! A change goes from a `definition` through `editing` into the store; a run goes from there through `planning`
//! ([`devarch_core::plan::plan`]) to `execution`. `usecase` has one file per operation.

mod context;
mod definition;
mod editing;
mod environment;
mod error;
mod execution;
mod host;
mod planning;
mod settings;
mod usecase;

pub use context::{Context, connect_engine, find_stack};
pub use definition::catalog::{Catalog, CatalogEntry, CatalogSource};
pub use definition::copy_name::free_copy_name;
pub use definition::project::{PROJECT_FILE, Project};
pub use definition::secrets::SecretUse;
pub use editing::directory::{find_import, find_stack_of_directory, load_project_stack};
pub use editing::import::{Draft, ImportSource, draft_import, draft_running, save_draft};
pub use environment::Environment;
pub use error::{
    Ambiguous, ApplyError, Conflict, DefinitionError, Elsewhere, ErrorKind, FileError, InUse, LoginError,
    NotFound, OperationError, Outdated, SecretError, Unreadable, Unremovable, WrongState,
};
pub use execution::failure::{ApplyFailure, Ending, Failure};
pub use execution::options::ApplyOptions;
pub use execution::recover::{Recover, undo_interrupted};
pub use execution::{Event, EventSink, Outcome};
pub use planning::approved::Approved;
pub use planning::effective::InstanceConfig;
pub use planning::host_view::own_places;
pub use planning::images::{ImageOptions, Lookup, Supplied};
pub use planning::interrupted::{Interrupted, find_interrupted, left_open};
pub use planning::links::{LinkedFrom, linked_from};
pub use planning::prepare::{HostFiles, PrepareOptions, Prepared, prepare, prepare_stack};
pub use planning::redaction::secret_mask;
pub use planning::saved_plan::{is_plan_id, lease_plan, load_saved_plan, save_plan};
pub use planning::shown_plan::{ShownChange, ShownPlan, ShownStep};
pub use planning::wiring::{Wires, instance_environment, list_wires};
pub use settings::Settings;
pub use usecase::adopt::{Leftover, find_leftovers, remove_leftovers, renew_identity};
pub use usecase::apply::apply;
pub use usecase::compose::{Composed, Written, compose_stack, write_compose};
pub use usecase::config::{Configs, config_changes, find_instance, shown_template, stack_config};
pub use usecase::container::{LogLine, LogRequest, Shell, find_shell, open_logs};
pub use usecase::delete::{Deleted, Deletion, delete_stack, plan_deletion};
pub use usecase::doctor::{Check, Verdict, doctor};
pub use usecase::fields::{Target, set_fields, unset_fields};
pub use usecase::history::{
    Ended, HistoryDetail, HistoryEntry, StepDetail, find_history_entry, list_history,
};
pub use usecase::images::supply_images;
pub use usecase::init::{ComposeImport, ComposeSource, project_from_compose, project_of, write_project};
pub use usecase::keys::{export_key, import_key, rotate_key};
pub use usecase::lock::{HeldLock, LockRequest, StackLocks, acquire_locks, list_locks, release_lock};
pub use usecase::logins::{Droppable, drop_logins, droppable_logins, logins_elsewhere, own_logins};
pub use usecase::reset::{Loss, LostSecret, LostValue, LostVolume, key_loss, reset_key};
pub use usecase::rollback::draft_rollback;
pub use usecase::stack_secrets::{
    SecretInfo, generate_secret, keep_imported_secrets, list_secrets, remove_secret, reveal_secret,
    set_secret,
};
pub use usecase::stacks::{
    NewInstance, add_instance, clone_stack, create_stack, enable_stack, remove_instance, rename_instance,
    rename_stack, set_wanted, upgrade_templates,
};
pub use usecase::status::{
    InstanceStatus, LastApply, PortStatus, StackStatus, Stands, StatusOptions, StepUnderWay, Waiting,
    all_statuses, stack_status,
};
pub use usecase::strays::{Strays, adopt_strays, find_strays};
pub use usecase::wires::{add_wire, remove_wire};
