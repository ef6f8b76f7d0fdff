//! Turns definitions into effective configs: the merge rules, and the checks of the result.

mod check;
mod host_path;
mod inherit;
mod length;
mod link;
mod logins;
mod merge;
mod order;
mod policy;
mod reference;
mod secrets;
mod spec;
mod supply;
mod wiring;

pub(crate) use check::check_instance;
pub use check::{check_edit, check_files, check_stack};
pub use host_path::{
    Access, HARMLESS, HostView, Judgement, RULES, Reach, ReadFile, RealKind, RealPath, Rule, SOCKET_NAMES,
};
pub use inherit::inherit_secrecy;
pub use link::{LinkedInstance, LinkedInstances};
pub use logins::{OwnLogin, Provisioning, login_key, login_of};
pub use merge::{Effective, Origin, merge, repository};
pub use order::{Dependencies, cycle, start_order};
pub use policy::{HostUse, HostUseKind};
pub(crate) use policy::{Place as HostPlace, outside as outside_uses};
pub use reference::{FieldReference, MergeRule, OVERRIDE_REFERENCE, SERVICE_REFERENCE};
pub use secrets::{external_secret_uses, secret_uses};
pub use spec::{SpecContext, absolute_path, container_spec, image_volume};
pub(crate) use supply::unnamed_image;
pub use supply::{BuildTag, Supplies, Supply, SupplyContext, build_spec, build_tag, supplies};
pub use wiring::{PreviousWiring, WireContext, WiredStack, wired};
