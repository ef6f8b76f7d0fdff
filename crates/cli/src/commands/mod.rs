//! One file per command: its arguments, one use-case, its output.

mod adopt;
mod apply;
mod catalog;
mod completions;
mod compose;
mod config;
mod doctor;
mod down;
mod exec;
pub(crate) mod history;
mod init;
mod instance;
mod lock;
mod logs;
mod man;
mod open;
mod plan;
mod rollback;
mod run;
mod secret;
mod set;
mod shell;
mod stack;
mod status;
mod unset;
mod up;
mod wire;

use crate::{
    error::Done,
    life::{self, Life},
    session::Session,
};

/// All commands.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Write a devarch.yml from templates or a Compose file
    Init(init::Args),
    /// Bring a stack up: load devarch.yml, plan, confirm, apply, wait until ready
    Up(up::Args),
    /// Remove a stack's containers and network; volumes and definition are kept
    Down(down::Args),
    /// Show what an apply would do
    Plan(plan::Args),
    /// Apply the stored definition to the engine
    Apply(apply::Args),
    /// Start a stack or an instance
    Start(life::Args),
    /// Stop a stack or an instance; containers are kept
    Stop(life::Args),
    /// Restart a stack or an instance
    Restart(life::Args),
    /// Show state, health, ports and URLs of stacks, and what they wait for
    Status(status::Args),
    /// Show container logs
    Logs(logs::Args),
    /// Run a command in an instance's container
    Exec(exec::Args),
    /// Run a local command with an instance's environment
    Run(run::Args),
    /// Open a shell in an instance's container
    Shell(shell::Args),
    /// Open an instance's URL in the browser
    Open(open::Args),
    /// List, add and remove templates
    #[command(subcommand)]
    Catalog(catalog::Command),
    /// Create, list, rename, copy, enable, disable and delete stacks
    #[command(subcommand)]
    Stack(stack::Command),
    /// Add, list, rename and remove instances of a stack
    #[command(subcommand)]
    Instance(instance::Command),
    /// List a stack's applies, or show one with its steps
    History(history::Args),
    /// Return to a stack's definition at an earlier apply
    Rollback(rollback::Args),
    /// Set, list and remove a stack's secrets, and manage the encryption key
    #[command(subcommand)]
    Secret(secret::Command),
    /// List, add, remove and draw the wires between instances
    #[command(subcommand)]
    Wire(wire::Command),
    /// List and release stack locks
    #[command(subcommand)]
    Lock(lock::Command),
    /// Set fields of an instance: image, environment.NAME, ports.80, healthcheck.interval ...
    Set(set::Args),
    /// Reset fields of an instance to its template's values
    Unset(unset::Args),
    /// Show the effective configuration of instances
    Config(config::Args),
    /// Print a stack as a Compose file, or write it to a directory
    Compose(compose::Args),
    /// Adopt a stack's own objects, or remove what a lost home left; volumes are kept
    Adopt(adopt::Args),
    /// Check engines, disk, addresses, ports, home, store and clock
    Doctor(doctor::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Print a manual page
    Man(man::Args),
}

impl Command {
    /// Runs the command.
    pub(crate) async fn run(self, session: &Session) -> Done {
        match self {
            Self::Init(args) => init::run(args, session).await,
            Self::Up(args) => Box::pin(up::run(args, session)).await,
            Self::Down(args) => down::run(args, session).await,
            Self::Plan(args) => plan::run(args, session).await,
            Self::Apply(args) => apply::run(args, session).await,
            Self::Start(args) => life::run(Life::Start, args, session).await,
            Self::Stop(args) => life::run(Life::Stop, args, session).await,
            Self::Restart(args) => life::run(Life::Restart, args, session).await,
            Self::Status(args) => status::run(args, session).await,
            Self::Logs(args) => logs::run(args, session).await,
            Self::Exec(args) => exec::run(args, session).await,
            Self::Run(args) => run::run(args, session).await,
            Self::Shell(args) => shell::run(args, session).await,
            Self::Open(args) => open::run(args, session).await,
            Self::Catalog(command) => catalog::run(command, session).await,
            Self::Stack(command) => stack::run(command, session).await,
            Self::Instance(command) => instance::run(command, session).await,
            Self::History(args) => history::run(args, session).await,
            Self::Rollback(args) => Box::pin(rollback::run(args, session)).await,
            Self::Secret(command) => secret::run(command, session).await,
            Self::Wire(command) => wire::run(command, session).await,
            Self::Lock(command) => lock::run(command, session).await,
            Self::Set(args) => set::run(args, session).await,
            Self::Unset(args) => unset::run(args, session).await,
            Self::Config(args) => config::run(args, session).await,
            Self::Compose(args) => compose::run(args, session).await,
            Self::Adopt(args) => adopt::run(args, session).await,
            Self::Doctor(args) => doctor::run(args, session).await,
            Self::Completions(args) => completions::run(&args, session),
            Self::Man(args) => man::run(&args, session),
        }
    }
}
