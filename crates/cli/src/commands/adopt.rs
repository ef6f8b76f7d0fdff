use crate::{
    apply::{LockArgs, Work},
    error::{CliError, Done},
    exit::Exit,
    session::Session,
    shown::Shown,
    signals,
    table::Table,
};
use devarch_app::{
    Leftover, NotFound, OperationError, Strays, WrongState, adopt_strays, find_leftovers, find_strays,
    remove_leftovers,
};
use devarch_core::name::StackName;
use serde_json::json;

/// Arguments of `adopt`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Stack to adopt objects for, or to remove where a lost home left it; without it, leftovers of other homes are listed
    stack: Option<StackName>,
    #[command(flatten)]
    lock: LockArgs,
}

/// Records objects that match the stack exactly and removes outdated copies; all others are left alone.
async fn adopt_own(session: &Session, strays: &Strays, lock: LockArgs) -> Done {
    let (ctx, terminal, name) = (session.context().await?, &session.terminal, &strays.stack.name);
    let each = |sign: &str, names: &[String], then: &str| -> String {
        names.iter().map(|name| format!("{sign}   {name}: {then}\n")).collect::<Vec<_>>().concat()
    };
    terminal.note(&format!(
        "{}{}{}",
        each("+", &strays.recordable, "will be recorded as this stack's"),
        each("-", &strays.removable, "will be removed; its config was never applied"),
        each(" ", &strays.left_alone, "is left alone")
    ));
    if strays.is_nothing_to_do() {
        return Err(OperationError::from(WrongState::NotAdoptable(name.clone())).into());
    }
    terminal.confirm(&format!("Adopt these objects into stack '{name}'?"), "adopting objects")?;
    let work = Work { session, command: "adopt", cancel: signals::cancel_token() };
    let locks = work.lock(&strays.stack, lock, None).await?;
    let adopted = adopt_strays(ctx, locks.own(), strays).await;
    locks.release().await;
    adopted?;
    terminal.note(&format!("adopted; `devarch plan {name}` shows what remains to be done"));
    if terminal.json {
        terminal.print_json(&json!({"adopted": strays}))?;
    }
    Ok(Exit::OK)
}

/// Running containers of another home are removed only after the stack's name was typed; `--yes` is not enough.
fn confirm_running(session: &Session, stack: &StackName, of_stack: &[&Leftover]) -> Result<(), CliError> {
    let running: usize = of_stack.iter().map(|left| left.running).sum();
    if running == 0 {
        return Ok(());
    }
    let what = format!("{running} running containers of stack '{stack}' of another home");
    if !session.terminal.asks() {
        return Err(OperationError::from(WrongState::RunsElsewhere { stack: stack.clone(), running }).into());
    }
    let typed =
        session.terminal.ask(&format!("{what} will be removed. Type the stack's name to agree:"), "")?;
    if typed == stack.as_str() { Ok(()) } else { Err(CliError::Declined) }
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let ctx = session.context().await?;
    if let Some(name) = &args.stack
        && let Some(strays) = find_strays(ctx, name).await?
    {
        return adopt_own(session, &strays, args.lock).await;
    }
    let left = find_leftovers(ctx).await?;
    let Some(stack) = args.stack else {
        session.terminal.result(&json!({"left": left}), || table(&left))?;
        return Ok(Exit::OK);
    };
    let of_stack: Vec<&Leftover> = left.iter().filter(|left| left.stack == stack.as_str()).collect();
    if of_stack.is_empty() {
        return Err(OperationError::from(NotFound::Leftovers(stack)).into());
    }
    session.terminal.note(&listed(&of_stack));
    confirm_running(session, &stack, &of_stack)?;
    let question =
        format!("Is the home that created the objects of '{stack}' lost? Remove them, except for volumes?");
    session.terminal.confirm(&question, "removing objects of another home")?;
    for left in &of_stack {
        remove_leftovers(ctx, left).await?;
    }
    session.terminal.note(&format!(
        "cleared away; `devarch up --adopt-volumes` brings '{stack}' up with its volumes, where there are any"
    ));
    if session.terminal.json {
        session.terminal.print_json(&json!({"cleared": of_stack}))?;
    }
    Ok(Exit::OK)
}

fn table(left: &[Leftover]) -> Shown {
    if left.is_empty() {
        return "no other home or user has objects on this engine".into();
    }
    let mut table = Table::new(["STACK", "CONTAINERS", "RUNNING", "NETWORKS", "VOLUMES", "MADE BY"]);
    for left in left {
        table.row([
            left.stack.as_str().into(),
            left.containers.len().to_string().into(),
            left.running.to_string().into(),
            left.networks.len().to_string().into(),
            left.volumes.len().to_string().into(),
            left.store.as_str().into(),
        ]);
    }
    table.render(0)
}

/// The objects that will be removed, and those that are kept.
fn listed(left: &[&Leftover]) -> Shown {
    let mut text = Shown::default();
    for left in left {
        writeln!(text, "created by home {}, {} containers running:", left.store, left.running);
        text.end_line();
        for name in &left.containers {
            writeln!(text, "-   container {name}  will be removed");
        }
        for name in &left.networks {
            writeln!(text, "-   network {name}  will be removed");
        }
        for name in &left.volumes {
            writeln!(text, "    volume {name}  will be kept");
        }
        for name in &left.left_alone {
            writeln!(text, "    {name}: is left alone: its name is not this home's");
        }
    }
    text
}
