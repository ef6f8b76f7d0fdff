use crate::{
    completion,
    error::{CliError, Done},
    exit::Exit,
    session::Session,
    shown::Shown,
    style,
    target::Target,
};
use clap_complete::ArgValueCandidates;
use devarch_app::{LogLine, LogRequest, find_stack, open_logs};
use devarch_core::{name::InstanceName, unit::Millis};
use devarch_engine::LogOptions;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde_json::json;

/// Arguments of `logs`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Stack or instance; by default this directory's stack
    #[arg(value_name = "STACK[/INSTANCE]", add = ArgValueCandidates::new(completion::targets))]
    target: Option<Target>,
    /// Follow log output
    #[arg(short, long)]
    follow: bool,
    /// Show the last N lines of each instance
    #[arg(short = 'n', long, value_name = "N")]
    tail: Option<u32>,
    /// Show lines since an age such as 10m, or a time such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "AGE|TIME", value_parser = since)]
    since: Option<i64>,
    /// Show the engine's timestamps
    #[arg(short, long)]
    timestamps: bool,
    /// Do not redact the stack's secrets in the output
    #[arg(long)]
    no_redact: bool,
}

/// Parses an age or a time as Unix seconds.
fn since(text: &str) -> Result<i64, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_second());
    }
    let age: Millis =
        text.parse().map_err(|_| "expected an age such as 10m, or a time such as 2026-01-31T12:00:00Z")?;
    let seconds = i64::try_from(age.0 / 1000).unwrap_or(i64::MAX);
    Ok(Timestamp::now().as_second().saturating_sub(seconds))
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let (stack, instance) = session.target(args.target).await?;
    let ctx = session.context().await?;
    let names: Vec<InstanceName> = find_stack(ctx, &stack).await?.instances.into_keys().collect();
    let prefix = instance.is_none();
    let Args { follow, tail, since, timestamps, no_redact: unredacted, .. } = args;
    let options = LogOptions { follow, tail, since, timestamps };
    let mut lines = open_logs(ctx, &stack, &LogRequest { instance, options, unredacted }).await?;
    while let Some(line) = lines.next().await {
        let line = line?;
        if session.terminal.json {
            session.terminal.print(&as_json(&line)?)?;
        } else {
            print(session, &line, if prefix { &names } else { &[] })?;
        }
    }
    Ok(Exit::OK)
}

/// Prints a line; with several instances, after a padded and coloured name.
fn print(session: &Session, line: &LogLine, names: &[InstanceName]) -> Result<(), CliError> {
    let mut prefix = Shown::default();
    if let Some(at) = names.iter().position(|name| *name == line.instance) {
        let width = names.iter().map(|name| name.as_str().len()).max().unwrap_or(0);
        let name = format!("{:<width$} |", line.instance.as_str());
        prefix.paint(style::PALETTE[at % style::PALETTE.len()], &name);
        write!(prefix, " ");
    }
    session.terminal.log_line(&prefix, &line.bytes)
}

fn as_json(line: &LogLine) -> Result<Shown, CliError> {
    let stream = if line.stderr { "stderr" } else { "stdout" };
    let text = String::from_utf8_lossy(&line.bytes);
    Ok(Shown::json(&json!({"instance": line.instance, "stream": stream, "line": text}))?)
}
