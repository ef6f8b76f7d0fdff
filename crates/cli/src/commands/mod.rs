//! One file per command: its arguments, one use-case, what is printed.

mod apply;
mod down;
mod plan;
mod status;
mod up;

use crate::{error::Done, session::Session};

/// What can be asked for.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Bring a stack up: read devarch.yml, plan, confirm, apply, wait until ready
    Up(up::Args),
    /// Remove a stack's containers and network; volumes and definition stay
    Down(down::Args),
    /// Show what an apply would do
    Plan(plan::Args),
    /// Make what runs what is defined
    Apply(apply::Args),
    /// Show how stacks are: state, health, ports, URLs, and why something waits
    Status(status::Args),
}

impl Command {
    /// Does it.
    pub(crate) async fn run(self, session: &Session) -> Done {
        match self {
            Self::Up(args) => up::run(args, session).await,
            Self::Down(args) => down::run(args, session).await,
            Self::Plan(args) => plan::run(args, session).await,
            Self::Apply(args) => apply::run(args, session).await,
            Self::Status(args) => status::run(args, session).await,
        }
    }
}
