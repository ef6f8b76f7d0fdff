use crate::{
    completion,
    error::Done,
    exit::Exit,
    session::Session,
    table::{Cell, Table},
    when::clock,
};
use clap_complete::ArgValueCandidates;
use devarch_app::{HeldLock, list_locks, release_lock};
use devarch_core::name::StackName;

/// Subcommands of `lock`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List held locks, and locks kept for plans
    List,
    /// Release a lock kept for a plan; with --force one that is held
    Release(Release),
}

/// Arguments of `lock release`.
#[derive(Debug, clap::Args)]
pub(crate) struct Release {
    /// The stack
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: StackName,
    /// Also release a lock whose holder is running; it stops before its next step
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(command: Command, session: &Session) -> Done {
    match command {
        Command::List => list(session).await,
        Command::Release(args) => release(args, session).await,
    }
}

async fn list(session: &Session) -> Done {
    let locks = list_locks(session.context().await?).await?;
    session.terminal.result(&locks, || match locks.as_slice() {
        [] => "no stack is locked".into(),
        locks => {
            let mut table = Table::new(["STACK", "COMMAND", "BY", "PROCESS", "SINCE", "HELD"]);
            for lock in locks {
                table.row(row(lock));
            }
            table.render(0)
        }
    })?;
    Ok(Exit::OK)
}

fn row(lock: &HeldLock) -> [Cell; 6] {
    let held = match (&lock.plan, lock.until) {
        (Some(plan), Some(until)) if !lock.alive => format!("for {plan} until {}", clock(until)),
        _ => "at work".to_owned(),
    };
    [
        lock.stack.as_str().into(),
        lock.operation.as_str().into(),
        format!("{}@{}", lock.user, lock.host).into(),
        lock.pid.to_string().into(),
        clock(lock.since).into(),
        held.into(),
    ]
}

async fn release(args: Release, session: &Session) -> Done {
    let ctx = session.context().await?;
    if args.force && list_locks(ctx).await?.iter().any(|lock| lock.stack == args.stack) {
        let question = format!("Release the lock of stack '{}', which another command holds?", args.stack);
        session.terminal.confirm(&question, "taking a lock away")?;
    }
    let released = release_lock(ctx, &args.stack, args.force).await?;
    session.terminal.note(&release_message(&args.stack, released.as_ref()));
    if session.terminal.json {
        session.terminal.print_json(&released)?;
    }
    Ok(Exit::OK)
}

fn release_message(stack: &StackName, released: Option<&HeldLock>) -> String {
    let Some(lock) = released else { return format!("stack '{stack}' is not locked") };
    format!(
        "released the lock of stack '{stack}' that `devarch {}` of {}@{} held since {}",
        lock.operation,
        lock.user,
        lock.host,
        clock(lock.since)
    )
}
