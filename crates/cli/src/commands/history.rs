use crate::{
    completion,
    error::Done,
    exit::Exit,
    session::Session,
    shown::{Show as _, Shown},
    style,
    table::{Cell, Table},
    when::{clock, seconds},
};
use clap_complete::ArgValueCandidates;
use devarch_app::{Ended, HistoryDetail, HistoryEntry, StepDetail, find_history_entry, list_history};
use devarch_core::name::StackName;

/// Arguments of `history`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Stack; by default this directory's
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: Option<StackName>,
    /// Show at most N applies
    #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the steps of an apply and its critical path
    Show(Show),
}

/// Arguments of `history show`.
#[derive(Debug, clap::Args)]
struct Show {
    /// The stack
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: StackName,
    /// Beginning of the apply's id; by default the last one
    apply: Option<String>,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    match args.command {
        Some(Command::Show(show)) => one(show, session).await,
        None => list(args, session).await,
    }
}

async fn list(args: Args, session: &Session) -> Done {
    let stack = session.stack(args.stack).await?;
    let entries = list_history(session.context().await?, &stack, args.limit).await?;
    session.terminal.result(&entries, || {
        if entries.is_empty() {
            return format!("stack '{stack}' was never applied").shown().into_owned();
        }
        table(&entries)
    })?;
    Ok(Exit::OK)
}

/// A table of applies.
pub(crate) fn table(entries: &[HistoryEntry]) -> Shown {
    let mut table = Table::new(["APPLY", "WHEN", "COMMAND", "BY", "TOOK", "OUTCOME", "CHANGES"]);
    for entry in entries {
        table.row([
            entry.apply.as_str().into(),
            clock(entry.started_at).into(),
            entry.command.as_str().into(),
            entry.author.as_str().into(),
            entry.took.map(seconds).unwrap_or_default().into(),
            outcome(entry.outcome),
            changes(entry).into(),
        ]);
    }
    table.render(0)
}

fn outcome(ended: Ended) -> Cell {
    let style = match ended {
        Ended::Succeeded => style::GOOD,
        Ended::Failed => style::BAD,
        _ => style::WARN,
    };
    Cell::styled(ended.as_str(), style)
}

/// The number of changes of each kind, such as `+2 ~1 -/+3`.
fn changes(entry: &HistoryEntry) -> String {
    let count = |sign: &str| entry.changes.iter().filter(|change| change.sign == sign).count();
    let counts = ["+", "~", "-/+", "-"].map(|sign| (sign, count(sign)));
    counts.iter().filter(|(_, n)| *n > 0).map(|(sign, n)| format!("{sign}{n}")).collect::<Vec<_>>().join(" ")
}

async fn one(args: Show, session: &Session) -> Done {
    let detail = find_history_entry(session.context().await?, &args.stack, args.apply.as_deref()).await?;
    session.terminal.result(&detail, || text(&detail))?;
    Ok(Exit::OK)
}

/// An apply with its steps.
pub(crate) fn text(detail: &HistoryDetail) -> Shown {
    let entry = &detail.entry;
    let mut text = Shown::default();
    write!(
        text,
        "apply {} by {} at {}: devarch {}, {}",
        entry.apply,
        entry.author,
        clock(entry.started_at),
        entry.command,
        entry.outcome.as_str()
    );
    if let Some(took) = entry.took {
        write!(text, " after {}", seconds(took));
    }
    text.end_line();
    if let Some(plan) = &entry.plan {
        writeln!(text, "plan {}", plan.as_str());
    }
    if let Some(error) = &entry.error {
        text.append(error);
        text.end_line();
    }
    for change in &entry.changes {
        writeln!(text, "{:<3} {}  ({})", change.sign, change.subject, change.reason);
    }
    text.end_line();
    let mut table = Table::new(["", "AFTER", "TOOK", "INSTANCE", "STEP"]);
    for step in &detail.steps {
        table.row(row(step));
    }
    text.append(&table.render(0));
    text.append("\n* everything waited for these: the critical chain");
    text
}

fn row(step: &StepDetail) -> [Cell; 5] {
    let what = match &step.error {
        Some(error) => format!("{}: {}", step.what, error.lines().next().unwrap_or_default()),
        None => step.what.clone(),
    };
    [
        if step.critical { Cell::styled("*", style::WARN) } else { " ".into() },
        seconds(step.after).into(),
        step.took.map_or_else(|| "?".to_owned(), seconds).into(),
        step.instance.as_ref().map(ToString::to_string).unwrap_or_default().into(),
        what.into(),
    ]
}
