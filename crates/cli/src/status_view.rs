//! How stacks are, for people.

use crate::{
    finding_view, style,
    table::{Cell, Table},
    when::clock,
};
use anstyle::Style;
use devarch_app::{HeldLock, InstanceStatus, LastApply, StackStatus, Stands, StepUnderWay};
use devarch_core::{
    observed::{HealthState, RunState},
    stack::Wanted,
};
use serde::Serialize;
use std::fmt::Write as _;

/// The form of `status --json`.
#[derive(Serialize)]
pub(crate) struct Statuses<'a> {
    /// The stacks.
    pub(crate) stacks: &'a [StackStatus],
}

/// All stacks, one below the other.
pub(crate) fn render(stacks: &[StackStatus]) -> String {
    if stacks.is_empty() {
        return "no stacks yet; `devarch init` and `devarch up` make one\n".to_owned();
    }
    stacks.iter().map(stack).collect::<Vec<_>>().join("\n")
}

/// One stack: a line on it, and a table of its instances.
pub(crate) fn stack(status: &StackStatus) -> String {
    let mut text = style::paint(style::STRONG, status.name.as_str());
    match &status.engine {
        Some(engine) => {
            let _ = write!(text, " on {engine}");
        }
        None => text.push_str(", not applied yet"),
    }
    if let Some(project) = &status.project {
        let _ = write!(text, ", from {project}");
    }
    if !status.enabled {
        text.push_str(&style::paint(style::WARN, ", disabled"));
    }
    text.push('\n');
    if let Some(unknown) = &status.unknown {
        let _ = writeln!(text, "  {} {unknown}", style::paint(style::BAD, "nothing is known of what runs:"));
    }
    if let Some(lock) = &status.lock {
        let _ = writeln!(text, "  {} {}", style::paint(style::WARN, "locked:"), locked(lock));
    }
    if let Some(last) = &status.last_apply {
        text.push_str(&last_apply(status, last));
    }
    for finding in &status.findings {
        let _ = writeln!(text, "  {}", finding_view::line(finding));
    }
    for container in &status.left_alone {
        let _ = writeln!(
            text,
            "  {} container '{container}' carries this stack's labels, but DevArch does not remember creating it; it is \
             left alone",
            style::paint(style::WARN, "note:")
        );
    }
    let mut table = Table::new(["INSTANCE", "STATE", "HEALTH", "PORTS", "URL", ""]);
    for instance in &status.instances {
        table.row([
            instance.name.as_str().into(),
            state(instance, status.unknown.is_some()),
            health(instance),
            ports(instance).into(),
            instance.urls.join(" ").into(),
            note(instance),
        ]);
    }
    text + &if status.instances.is_empty() { "  no instances\n".to_owned() } else { table.render(2) }
}

fn locked(lock: &HeldLock) -> String {
    match (&lock.plan, lock.until) {
        (Some(plan), Some(until)) if !lock.alive => {
            format!("kept for {plan} of {}@{} until {}", lock.user, lock.host, clock(until))
        }
        _ => format!(
            "`devarch {}` of {}@{} (pid {}) is at work since {}",
            lock.operation,
            lock.user,
            lock.host,
            lock.pid,
            clock(lock.since)
        ),
    }
}

fn last_apply(status: &StackStatus, last: &LastApply) -> String {
    let what = format!("`devarch {}` of {} at {}", last.command, last.author, clock(last.started_at));
    let name = &status.name;
    match &last.stands {
        Stands::UnderWay => {
            let step = |step: &StepUnderWay| format!("    {}, since {}\n", step.what, clock(step.since));
            last.steps.iter().map(step).collect()
        }
        Stands::Interrupted => {
            let way_out =
                format!("`devarch apply {name} --resume` finishes, `--undo` puts back what ran before");
            format!("  {} {what}; {way_out}\n", style::paint(style::BAD, "interrupted:"))
        }
        Stands::Failed { error } => {
            let error = error.lines().next().unwrap_or_default().trim_end_matches(':');
            let more = format!("`devarch history show {name}` tells all of it");
            format!("  {} {what}: {error}; {more}\n", style::paint(style::BAD, "failed:"))
        }
    }
}

fn state(instance: &InstanceStatus, unknown: bool) -> Cell {
    let (word, style) = match instance.state {
        _ if unknown => ("unknown".to_owned(), style::WARN),
        Some(RunState::Running) => ("running".to_owned(), style::GOOD),
        Some(RunState::Created) => ("created".to_owned(), style::WARN),
        Some(RunState::Paused) => ("paused".to_owned(), style::WARN),
        Some(RunState::Exited) => ended(instance),
        Some(RunState::Stuck) => ("stuck".to_owned(), style::BAD),
        None => ("-".to_owned(), style::DIM),
    };
    Cell::styled(word, style)
}

fn ended(instance: &InstanceStatus) -> (String, Style) {
    match (instance.wanted, instance.exit_code) {
        (Wanted::Stopped, _) => ("stopped".to_owned(), style::DIM),
        (_, Some(0)) => ("exited 0".to_owned(), style::DIM),
        (_, Some(code)) => (format!("exited {code}"), style::BAD),
        (_, None) => ("exited".to_owned(), style::WARN),
    }
}

fn health(instance: &InstanceStatus) -> Cell {
    let (word, style) = match instance.health {
        Some(HealthState::Healthy) => ("healthy", style::GOOD),
        Some(HealthState::Starting) => ("starting", style::WARN),
        Some(HealthState::Unhealthy) => ("unhealthy", style::BAD),
        None => return "".into(),
    };
    match instance.checked_at.as_deref().and_then(age) {
        Some(age) => Cell::styled(format!("{word} {age} ago"), style),
        None => Cell::styled(word, style),
    }
}

/// How old a time is, in its largest unit.
fn age(at: &str) -> Option<String> {
    let at: jiff::Timestamp = at.parse().ok()?;
    let seconds = jiff::Timestamp::now().duration_since(at).as_secs().max(0);
    Some(match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    })
}

fn ports(instance: &InstanceStatus) -> String {
    let ports: Vec<String> =
        instance.ports.iter().map(|port| format!("{}->{}", port.host, port.container)).collect();
    ports.join(" ")
}

fn note(instance: &InstanceStatus) -> Cell {
    match &instance.waiting {
        Some(waiting) => Cell::styled(waiting.to_string(), style::WARN),
        None => "".into(),
    }
}
