//! A plan as text: sorted and stable, so that two plans can be diffed.

use super::{Change, ChangeKind, Consumer, Plan, Reason, Subject, Takeover};
use crate::{
    build::BuildSpec,
    escape,
    name::PhysicalVolume,
    resolve::Supply,
    template::Dockerfile,
    wire::{How, ProviderName, Unwired, Wire},
};
use std::{collections::BTreeSet, fmt};

/// How much detail a plan's text has.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextOptions {
    /// Show created instances in full, and wires that stay as they are.
    pub full: bool,
}

/// Lines of text. Values are escaped: they cannot end a line or contain terminal control characters.
#[derive(Default)]
pub(super) struct Lines(String);

impl Lines {
    /// Called by `write!` and `writeln!`.
    pub(super) fn write_fmt(&mut self, args: fmt::Arguments<'_>) {
        self.0.push_str(&escape::formatted(args));
    }

    /// Ends the current line; at the beginning of a line, adds an empty one.
    pub(super) fn blank(&mut self) {
        self.0.push('\n');
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// Renders a plan as text. A line that begins with `+`, `~`, `-/+` or `-` is a change.
pub fn plan_text(plan: &Plan, options: TextOptions) -> String {
    let mut text = Lines::default();
    writeln!(
        text,
        "stack {} on {} {}, network {} {}",
        plan.stack, plan.engine, plan.engine_version, plan.network.name, plan.network.subnet
    );
    if !plan.changes.is_empty() {
        text.blank();
    }
    for change in &plan.changes {
        one(change, options, &mut text);
    }
    wires(plan, options, &mut text);
    if !plan.unsettled.is_empty() {
        text.blank();
    }
    for (image, supply) in &plan.unsettled {
        let what = if *supply == Supply::Build { "build" } else { "pull" };
        writeln!(text, "image {image}: known after {what}");
    }
    let nothing_to_note = plan.warnings.is_empty()
        && plan.notes.is_empty()
        && plan.takeovers.is_empty()
        && plan.unused_volumes.is_empty();
    if !nothing_to_note {
        text.blank();
    }
    for takeover in &plan.takeovers {
        taken_over(takeover, &mut text);
    }
    for warning in &plan.warnings {
        writeln!(text, "warning: {warning}");
    }
    for note in &plan.notes {
        writeln!(text, "note: {note}");
    }
    for volume in &plan.unused_volumes {
        let what = if volume.is_copy() {
            "is a copy of data made by an earlier apply"
        } else {
            "is no longer used by any instance"
        };
        writeln!(text, "note: volume {volume} {what}; it is kept until you remove it");
    }
    text.blank();
    writeln!(text, "{}", summary(plan));
    text.0
}

/// Describes whose data an instance takes over, and how the secret values that belong to it were restored.
fn taken_over(takeover: &Takeover, text: &mut Lines) {
    let Takeover { volume, instance, of, of_another_home, values } = takeover;
    let home = if *of_another_home { " of another home" } else { "" };
    write!(text, "note: {instance} takes over volume {volume} with the data of '{of}'{home}");
    if !values.same.is_empty() {
        write!(text, "; as last used with it: {}", values.same.join(", "));
    }
    text.blank();
}

/// Lists wires that are new, changed or removed, and those to other stacks. Of the unchanged ones, only the number that
/// DevArch made automatically is shown, unless all are requested.
fn wires(plan: &Plan, options: TextOptions, text: &mut Lines) {
    let links = |link: &Wire| matches!(link.to.provider, ProviderName::Other { .. });
    let stays = |link: &&Wire| !link.new && !links(link);
    let shown: Vec<&Wire> = plan.wires.iter().filter(|link| options.full || !stays(link)).collect();
    let automatic = plan.wires.iter().filter(stays).filter(|link| link.how == How::Auto).count();
    let counted = automatic > 0 && !options.full;
    if shown.is_empty() && plan.unwired.is_empty() && !counted {
        return;
    }
    text.blank();
    for link in shown {
        let sign = match (link.new, &link.was) {
            (false, _) => "",
            (true, None) => "+",
            (true, Some(_)) => "~",
        };
        let was = link.was.as_ref().map_or_else(String::new, |was| format!(", was {was}"));
        let new = if link.new { ", new" } else { "" };
        let Wire { consumer, import, to, how, .. } = link;
        writeln!(text, "{sign:<3} wire {consumer}.{import} -> {to} ({how}{new}{was})");
    }
    for Unwired { consumer, import, was, .. } in &plan.unwired {
        let was = was.as_ref().map_or_else(String::new, ToString::to_string);
        writeln!(text, "-   wire {consumer}.{import} -> {was} (gone)");
    }
    if counted {
        let (wires, they) = if automatic == 1 { ("wire", "stays") } else { ("wires", "stay") };
        writeln!(text, "    {automatic} {wires} made automatically {they}; `--full` lists all");
    }
}

fn one(change: &Change, options: TextOptions, text: &mut Lines) {
    let name = &change.subject;
    let cause = cause(change).map_or_else(String::new, |cause| format!(" ({cause})"));
    writeln!(text, "{:<3} {name}  {}{cause}", change.kind.sign(), outcome(change));
    if change.may_change_data {
        let volumes: Vec<&str> =
            change.spec.iter().flat_map(|spec| spec.data_volumes()).map(PhysicalVolume::as_str).collect();
        let volumes = volumes.join(", ");
        writeln!(text, "      ! may change data irreversibly: another image writes to volume {volumes}");
    }
    if !change.copies.is_empty() {
        let volumes: Vec<&str> = change.copies.iter().map(|copy| copy.from.as_str()).collect();
        let volumes = volumes.join(", ");
        writeln!(text, "      ! another image writes to volume {volumes}: the data is copied first");
    }
    for field in &change.fields {
        let subject = name.to_string();
        // A value of several lines is shown line by line; a name never has several.
        let line = format!("~ {}.{field}", escape::line(&subject));
        for part in line.lines() {
            writeln!(text, "      {part}");
        }
    }
    for (fate, what) in
        [(Consumer::Follows, "wired to it, changes too:"), (Consumer::Stays, "wired to it, unchanged:")]
    {
        let names = change.consumers.iter().filter(|(_, is)| **is == fate).map(|(name, _)| name.as_str());
        let names: Vec<&str> = names.collect();
        if !names.is_empty() {
            writeln!(text, "      {what} {}", names.join(", "));
        }
    }
    if let Some(build) = &change.build {
        built(build, text);
    }
    if change.kind == ChangeKind::Pull {
        writeln!(text, "      its volumes and health check are known after pull");
    }
    let Some(spec) = &change.spec else { return };
    if change.kind != ChangeKind::Create {
        return;
    }
    writeln!(text, "      image {}", spec.image_reference());
    if options.full {
        let json = serde_json::to_string_pretty(spec)
            .unwrap_or_else(|error| format!("it cannot be shown as JSON: {error}"));
        for line in json.lines() {
            writeln!(text, "      {line}");
        }
        return;
    }
    for port in &spec.ports {
        writeln!(text, "      port {port}");
    }
    for used in &change.outside {
        writeln!(text, "      {used}");
    }
}

fn built(spec: &BuildSpec, text: &mut Lines) {
    writeln!(text, "      context {}", spec.context);
    match &spec.dockerfile {
        Dockerfile::Path(path) => {
            writeln!(text, "      dockerfile {path}");
        }
        Dockerfile::Inline(_) => {
            writeln!(text, "      dockerfile inline");
        }
    }
    if let Some(target) = &spec.target {
        writeln!(text, "      target {target}");
    }
    for (name, value) in &spec.args {
        writeln!(text, "      arg {name}={value}");
    }
}

/// Describes what will be done.
fn outcome(change: &Change) -> &'static str {
    match (change.kind, &change.reason) {
        (ChangeKind::Pull, _) => "will be pulled",
        (ChangeKind::Build, _) => "will be built",
        (ChangeKind::Create, _) => "will be created",
        (ChangeKind::Replace, _) => "will be replaced",
        (ChangeKind::Remove, _) => "will be removed",
        (
            ChangeKind::Update,
            Reason::NotRunning { .. } | Reason::NeverStarted | Reason::NotCompleted { .. },
        ) => "will be started",
        (ChangeKind::Update, Reason::WantedStopped) => "will be stopped",
        (ChangeKind::Update, Reason::Asked | Reason::ProviderReplaced { .. }) => "will be restarted",
        (ChangeKind::Update, Reason::Renamed { .. }) => "will be renamed",
        (ChangeKind::Update, Reason::Disconnected | Reason::LinkCut { .. }) => "will be reconnected",
        (ChangeKind::Update, Reason::ConnectedElsewhere { .. }) => "will be disconnected",
        (ChangeKind::Update, _) => "will be updated",
    }
}

/// Returns the reason, unless the outcome implies it.
fn cause(change: &Change) -> Option<String> {
    match (change.kind, &change.reason) {
        (ChangeKind::Create, Reason::Missing) | (ChangeKind::Update, Reason::WantedStopped) => None,
        (ChangeKind::Remove, Reason::WantedAbsent) => Some("down".to_owned()),
        (_, reason) => Some(reason.to_string()),
    }
}

fn summary(plan: &Plan) -> String {
    if plan.is_empty() {
        return match plan.unsettled.len() {
            0 => "No changes: the stack is up to date.".to_owned(),
            _ => "No changes unless a pull or build brings another image.".to_owned(),
        };
    }
    let count = |kind| {
        let changes = plan.changes.iter().filter(|change| change.kind == kind).map(|change| &change.subject);
        let containers = changes.filter(|of| matches!(of, Subject::Instance(_) | Subject::Leftover(_)));
        containers.collect::<BTreeSet<_>>().len()
    };
    format!(
        "Plan: {} to create, {} to change, {} to replace, {} to remove.",
        count(ChangeKind::Create),
        count(ChangeKind::Update),
        count(ChangeKind::Replace),
        count(ChangeKind::Remove)
    )
}
