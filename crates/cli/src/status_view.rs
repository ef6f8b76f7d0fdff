//! The status of stacks as text.

use crate::{
    finding_view,
    shown::Shown,
    style,
    table::{Cell, Table},
    when::clock,
};
use anstyle::Style;
use devarch_app::{HeldLock, InstanceStatus, LastApply, StackStatus, Stands};
use devarch_core::{
    observed::{HealthState, RunState},
    stack::DesiredRun,
};
use serde::Serialize;

/// The JSON form of `status`.
#[derive(Serialize)]
pub(crate) struct Statuses<'a> {
    pub(crate) stacks: &'a [StackStatus],
}

/// Renders all stacks.
pub(crate) fn render(stacks: &[StackStatus]) -> Shown {
    if stacks.is_empty() {
        return "no stacks yet; `devarch init` and `devarch up` create one".into();
    }
    let mut text = Shown::default();
    for (at, status) in stacks.iter().enumerate() {
        if at > 0 {
            text.end_line();
        }
        text.append(&stack(status));
    }
    text
}

/// Renders a stack: a summary and a table of its instances.
pub(crate) fn stack(status: &StackStatus) -> Shown {
    let mut text = Shown::styled(style::STRONG, status.name.as_str());
    match &status.engine {
        Some(engine) => write!(text, " on {engine}"),
        None => write!(text, ", not applied yet"),
    }
    if let Some(project) = &status.project {
        write!(text, ", from {project}");
    }
    if !status.enabled {
        text.paint(style::WARN, ", disabled");
    }
    text.end_line();
    if let Some(unknown) = &status.unknown {
        fact(&mut text, style::BAD, "state unknown:", unknown);
    }
    if let Some(lock) = &status.lock {
        fact(&mut text, style::WARN, "locked:", &locked(lock));
    }
    if let Some(last) = &status.last_apply {
        last_apply(&mut text, status, last);
    }
    for finding in &status.findings {
        write!(text, "  ");
        text.append(&finding_view::line(finding));
        text.end_line();
    }
    for container in &status.left_alone {
        let note = format!(
            "container '{container}' carries this stack's labels, but DevArch does not remember creating it; it is \
             left alone"
        );
        fact(&mut text, style::WARN, "note:", &note);
    }
    if status.instances.is_empty() {
        writeln!(text, "  no instances");
    } else {
        text.append(&instances(status).render(2));
    }
    text
}

/// Writes a labelled line of the summary.
fn fact(text: &mut Shown, style: Style, what: &str, value: &str) {
    write!(text, "  ");
    text.paint(style, what);
    writeln!(text, " {value}");
}

fn instances(status: &StackStatus) -> Table {
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
    table
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

fn last_apply(text: &mut Shown, status: &StackStatus, last: &LastApply) {
    let what = format!("`devarch {}` of {} at {}", last.command, last.author, clock(last.started_at));
    let name = &status.name;
    match &last.stands {
        Stands::UnderWay => {
            for step in &last.steps {
                writeln!(text, "    {}, since {}", step.what, clock(step.since));
            }
        }
        Stands::Interrupted => {
            let way_out = format!("`devarch apply {name} --resume` finishes it, `--undo` rolls it back");
            fact(text, style::BAD, "interrupted:", &format!("{what}; {way_out}"));
        }
        Stands::Failed { error } => {
            let error = error.lines().next().unwrap_or_default().trim_end_matches(':');
            let more = format!("see `devarch history show {name}`");
            fact(text, style::BAD, "failed:", &format!("{what}: {error}; {more}"));
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
        (DesiredRun::Stopped, _) => ("stopped".to_owned(), style::DIM),
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

/// The time since a timestamp, in its largest unit.
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
