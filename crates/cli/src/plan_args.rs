//! The flags that `up`, `apply` and `plan` share: what a plan recreates, reuses and copies.

use devarch_app::PrepareOptions;
use devarch_core::name::InstanceName;

/// What a plan is asked to do besides bringing the stack to its definition.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// Recreate this instance's container
    #[arg(long, value_name = "INSTANCE")]
    replace: Vec<InstanceName>,
    /// Reuse volumes that a removed stack or instance left under the same name
    #[arg(long)]
    reuse_volumes: bool,
    /// Take over volumes that another home created under the same name; only if that home is lost
    #[arg(long)]
    adopt_volumes: bool,
    /// Copy a volume before another image writes to it; a rollback then restores the data too
    #[arg(long)]
    pub(crate) snapshot: bool,
}

impl PlanArgs {
    /// Returns the options of a plan, everything else at its default.
    pub(crate) fn options(self) -> PrepareOptions {
        PrepareOptions {
            replace: self.replace.into_iter().collect(),
            reuse_volumes: self.reuse_volumes,
            adopt_volumes: self.adopt_volumes,
            snapshot: self.snapshot,
            ..PrepareOptions::default()
        }
    }
}
