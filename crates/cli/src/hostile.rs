//! Hostile text in every field of everything that is shown. Values are built field by field, so that a new field does
//! not compile until it is covered here.

use crate::{commands::history, finding_view, plan_view, progress, shown::Shown, snippet, status_view};
use devarch_app::{
    Ended, HeldLock, HistoryDetail, HistoryEntry, InstanceStatus, LastApply, PortStatus, ShownChange,
    StackStatus, Stands, StepDetail, StepUnderWay, Waiting,
};
use devarch_core::{
    build::BuildSpec,
    diagnostic::{About, Diagnostic, Diagnostics, Finding, Place, Problem, Severity},
    engine::EngineKind,
    escape,
    id::{ApplyId, ContainerId, ImageId, PlanId, StackId},
    name::{InstanceName, NetworkName, PhysicalVolume},
    observed::{HealthState, RunState},
    plan::{Change, ChangeKind, FieldDiff, GivenBack, Plan, Reason, Subject, Takeover, VolumeCopy},
    port::{PortKey, Protocol},
    resolve::{HostUse, HostUseKind, Supply},
    spec::{Attachment, ContainerSpec, FileSpec, Mount, MountFrom, NetworkSpec, PublishedPort},
    stack::DesiredRun,
    template::{
        ContractType, Dockerfile, HealthTest, Healthcheck, Resources, RestartPolicy, TmpfsMount, Ulimit,
    },
    text::Text,
    unit::{Bytes, FileMode, Millis, Owner},
    wire::{Endpoint, How, ProviderName, Unwired, Why, Wire},
};
use std::collections::BTreeMap;

/// The beginning of a forged line.
const FORGED: &str = "FORGED";

/// Writes to the clipboard, clears the screen in three ways, reorders and overwrites the line, and begins a new one.
fn evil(place: &str) -> String {
    format!(
        "<{place}>\x1b]52;c;eA==\x07\x1b[2J\u{9b}2J\x7f\u{202e}\u{2066}\u{200f}\u{61c}\rX\n{FORGED} {place}\t"
    )
}

fn text(place: &str) -> Text {
    Text::plain(evil(place))
}

fn map(place: &str) -> BTreeMap<String, String> {
    [(evil(&format!("{place} name")), evil(place))].into()
}

fn texts(place: &str) -> BTreeMap<String, Text> {
    [(evil(&format!("{place} name")), text(place))].into()
}

fn web() -> InstanceName {
    "web".parse().unwrap()
}

/// Asserts that the output has no raw escapes except styles and no forged lines, and that it contains these places.
fn assert_safe(shown: &Shown, places: &[&str]) {
    let text = shown.as_str();
    let mut rest = text;
    while let Some(at) = rest.find(|c| escape::is_control(c) && c != '\n') {
        let sgr = rest[at..].strip_prefix("\x1b[").and_then(|style| {
            let end = style.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            style[end..].strip_prefix('m')
        });
        rest = sgr.unwrap_or_else(|| panic!("{:?} is obeyed in {text:?}", &rest[at..]));
    }
    let plain = anstream::adapter::strip_str(text).to_string();
    let forged = plain.lines().find(|line| line.trim_start().starts_with(FORGED));
    assert_eq!(forged, None, "{plain}");
    for place in places {
        assert!(plain.contains(&format!("<{place}>")), "{place} is not shown: {plain}");
    }
}

#[test]
fn a_raw_escape_is_detected() {
    let raw = |text: &str| std::panic::catch_unwind(|| assert_safe(&Shown::trusted(text), &[])).is_err();
    assert!(raw("\x1b]52;c;eA==\x07") && raw("\x1b[2J") && raw("\u{9b}2J") && raw("\u{202e}") && raw("a\r"));
    assert!(raw(&format!("a\n{FORGED} b")) && !raw("\x1b[1;31merror\x1b[0m: a\n"));
}

fn lock() -> HeldLock {
    HeldLock {
        stack: "shop".parse().unwrap(),
        operation: evil("lock operation"),
        user: evil("lock user"),
        host: evil("lock host"),
        pid: 7,
        since: 0,
        alive: false,
        plan: Some(PlanId::new(evil("lock plan"))),
        until: Some(1),
    }
}

fn last_apply(stands: Stands) -> LastApply {
    LastApply {
        apply: ApplyId::new(evil("apply id")),
        command: evil("apply command"),
        author: evil("apply author"),
        started_at: 0,
        steps: vec![StepUnderWay { what: evil("step under way"), since: 0 }],
        stands,
    }
}

fn instance(waiting: Waiting) -> InstanceStatus {
    InstanceStatus {
        name: web(),
        template: evil("template"),
        image: evil("image"),
        wanted: DesiredRun::Running,
        state: Some(RunState::Exited),
        health: Some(HealthState::Unhealthy),
        checked_at: Some(evil("checked at")),
        exit_code: Some(3),
        status: evil("the engine's words"),
        address: None,
        ports: vec![PortStatus { host: "127.0.0.1:1".parse().unwrap(), container: evil("port") }],
        urls: vec![evil("url")],
        waiting: Some(waiting),
        container: Some(ContainerId::new(evil("container id"))),
    }
}

fn problem(place: &str) -> Problem {
    Problem { instance: Some(web()), field: evil(&format!("{place} field")).into(), message: evil(place) }
}

fn status(stands: Stands, alive: bool) -> StackStatus {
    StackStatus {
        id: StackId::new(evil("stack id")),
        name: "shop".parse().unwrap(),
        enabled: false,
        project: Some(evil("project")),
        engine: Some(evil("engine")),
        unknown: Some(evil("unknown")),
        lock: Some(HeldLock { alive, ..lock() }),
        last_apply: Some(last_apply(stands)),
        findings: vec![Finding {
            severity: Severity::Warning,
            problem: problem("finding"),
            about: About::Other,
        }],
        instances: vec![instance(Waiting::Provider { target: web(), lacks: evil("lacks") })],
        left_alone: vec![evil("left alone")],
    }
}

#[test]
fn a_status_shows_no_raw_escape() {
    let common =
        ["project", "engine", "unknown", "finding field", "finding", "port", "url", "lacks", "left alone"];
    let failed = Stands::Failed { error: evil("error") };
    assert_safe(&status_view::stack(&status(failed, false)), &common);
    assert_safe(
        &status_view::stack(&status(Stands::UnderWay, true)),
        &["lock operation", "lock user", "lock host", "step under way"],
    );
    assert_safe(
        &status_view::render(&[status(Stands::Interrupted, false)]),
        &["lock plan", "lock user", "apply command", "apply author"],
    );
    assert_safe(
        &finding_view::line(&Finding {
            severity: Severity::Error,
            problem: problem("finding"),
            about: About::Other,
        }),
        &["finding"],
    );
    let json = Shown::pretty_json(&status(Stands::UnderWay, true)).unwrap();
    assert_safe(&json, &["template", "image", "checked at", "the engine's words", "container id"]);
}

#[test]
fn a_history_shows_no_raw_escape() {
    let detail = HistoryDetail {
        entry: HistoryEntry {
            apply: ApplyId::new(evil("apply id")),
            command: evil("command"),
            author: evil("author"),
            plan: Some(PlanId::new(evil("plan id"))),
            started_at: 0,
            took: Some(1),
            outcome: Ended::Failed,
            changes: vec![ShownChange {
                sign: evil("sign"),
                subject: evil("subject"),
                reason: evil("reason"),
            }],
            error: Some("in one line".to_owned()),
        },
        steps: vec![StepDetail {
            instance: Some(web()),
            what: evil("what"),
            after: 0,
            took: Some(1),
            error: Some(evil("step error")),
            critical: true,
        }],
    };
    let places =
        ["apply id", "command", "author", "plan id", "sign", "subject", "reason", "what", "step error"];
    assert_safe(&history::text(&detail), &places);
    assert_safe(&history::table(&[detail.entry]), &["apply id", "command", "author"]);
}

fn spec() -> ContainerSpec {
    ContainerSpec {
        image: evil("spec image"),
        build_tag: Some(evil("build tag")),
        platform: Some(evil("platform")),
        command: Some(vec![text("command")]),
        entrypoint: Some(vec![text("entrypoint")]),
        user: Some(evil("user")),
        working_dir: Some(evil("working dir")),
        hostname: evil("hostname"),
        restart: RestartPolicy::No,
        job: true,
        init: true,
        tty: true,
        stdin_open: true,
        read_only: true,
        privileged: true,
        network_mode: Some(evil("network mode")),
        pid: Some(evil("pid")),
        ipc: Some(evil("ipc")),
        stop_signal: Some(evil("stop signal")),
        stop_grace_period: Some(Millis(1)),
        shm_size: Some(Bytes(1)),
        environment: texts("environment"),
        labels: map("label"),
        ports: vec![PublishedPort { key: port(), host_ip: "127.0.0.1".parse().unwrap(), host_port: 1 }],
        mounts: vec![Mount {
            target: evil("mount target"),
            source: MountFrom::Bind(evil("bind")),
            read_only: true,
        }],
        tmpfs: vec![TmpfsMount { target: evil("tmpfs"), size: None, mode: None }],
        healthcheck: Some(Healthcheck {
            test: HealthTest::Shell(evil("health check")),
            interval: None,
            timeout: None,
            retries: None,
            start_period: None,
            start_interval: None,
        }),
        extra_hosts: map("extra host"),
        dns: vec![evil("dns")],
        cap_add: vec![evil("cap add")],
        cap_drop: vec![evil("cap drop")],
        devices: vec![evil("device")],
        security_opt: vec![evil("security opt")],
        group_add: vec![evil("group")],
        sysctls: map("sysctl"),
        ulimits: [(evil("ulimit"), Ulimit { soft: 1, hard: 1 })].into(),
        resources: Resources::default(),
        config_files: [(evil("config file"), file())].into(),
        network: Some(Attachment {
            name: NetworkName::from_stored(evil("attached network")),
            address: "10.0.0.2".parse().unwrap(),
            aliases: vec![evil("alias")],
        }),
    }
}

fn file() -> FileSpec {
    FileSpec { content: text("content").into(), mode: FileMode(0o600), owner: Owner { uid: 0, gid: 0 } }
}

fn port() -> PortKey {
    PortKey { target: 80, protocol: Protocol::Tcp }
}

fn volume(place: &str) -> PhysicalVolume {
    PhysicalVolume::from_stored(evil(place))
}

fn change(subject: Subject, reason: Reason) -> Change {
    Change {
        subject,
        kind: ChangeKind::Create,
        reason,
        may_change_data: true,
        copies: vec![VolumeCopy {
            from: volume("copied volume"),
            to: volume("copy"),
            image: ImageId::new(evil("copying image")),
        }],
        fields: vec![
            FieldDiff {
                field: evil("field"),
                from: Some("was".to_owned()),
                to: Some(format!("is{}", '\u{9b}')),
            },
            FieldDiff { field: "environment.A".to_owned(), from: None, to: Some("\x1b[8mhidden".to_owned()) },
        ],
        spec: Some(Box::new(spec())),
        outside: vec![HostUse {
            kind: HostUseKind::Bind,
            path: evil("host path"),
            real: Some(evil("real host path")),
            target: evil("mount target"),
            writable: true,
        }],
        build: Some(Box::new(BuildSpec {
            context: evil("context"),
            dockerfile: Dockerfile::Path(evil("dockerfile")),
            args: texts("argument"),
            target: Some(evil("target")),
            platform: Some(evil("build platform")),
            pull: true,
            hash: None,
        })),
        consumers: BTreeMap::new(),
    }
}

fn endpoint(place: &str) -> Endpoint {
    Endpoint { provider: ProviderName::Instance(web()), export: evil(place) }
}

fn plan() -> Plan {
    let reasons = [
        Reason::NotRunning { status: evil("run state") },
        Reason::ConnectedElsewhere { network: evil("other network") },
        Reason::Renamed { name: evil("new name") },
        Reason::ImageMoved { from: evil("old image"), to: evil("new image") },
        Reason::Wired { wires: vec![evil("reason wire")] },
        Reason::LinkCut { with: evil("link") },
    ];
    let mut changes: Vec<Change> =
        reasons.into_iter().map(|reason| change(Subject::Instance(web()), reason)).collect();
    changes.push(change(Subject::Image(evil("subject image")), Reason::Missing));
    changes.push(change(Subject::Volume(volume("subject volume")), Reason::Missing));
    Plan {
        stack: evil("stack"),
        engine: EngineKind::Docker,
        engine_version: evil("engine version"),
        network: NetworkSpec {
            name: NetworkName::from_stored(evil("network")),
            subnet: "10.0.0.0/24".parse().unwrap(),
            link: None,
        },
        changes,
        unsettled: [(evil("unsettled image"), Supply::Build)].into(),
        wires: vec![Wire {
            consumer: web(),
            import: evil("import"),
            to: endpoint("export"),
            contract: ContractType::Http,
            how: How::Auto,
            new: true,
            was: Some(endpoint("former export")),
            variables: vec![evil("variable")],
            hidden: vec![evil("hidden variable")],
        }],
        unwired: vec![Unwired {
            consumer: web(),
            import: evil("unwired import"),
            contract: ContractType::Http,
            required: true,
            why: Why::Nobody,
            was: Some(endpoint("unwired export")),
        }],
        takeovers: vec![Takeover {
            volume: volume("taken volume"),
            instance: web(),
            of: evil("taken from"),
            of_another_home: true,
            values: GivenBack {
                same: vec![evil("same value")],
                new: vec![evil("new value")],
                other: vec![evil("other value")],
            },
        }],
        warnings: vec![problem("warning")],
        notes: vec![problem("note")],
        unused_volumes: vec![volume("unused volume")],
        steps: Vec::new(),
    }
}

/// Places that every plan shows.
const SHORT: &[&str] = &[
    "stack",
    "engine version",
    "network",
    "copied volume",
    "field",
    "build tag",
    "context",
    "dockerfile",
    "argument name",
    "argument",
    "target",
    "run state",
    "other network",
    "new name",
    "old image",
    "new image",
    "reason wire",
    "link",
    "subject image",
    "subject volume",
    "unsettled image",
    "import",
    "export",
    "former export",
    "unwired import",
    "unwired export",
    "warning field",
    "warning",
    "note",
    "unused volume",
    "taken volume",
    "taken from",
    "same value",
];

/// Places that only a full plan shows.
const FULL: &[&str] = &[
    "platform",
    "command",
    "entrypoint",
    "user",
    "working dir",
    "hostname",
    "network mode",
    "pid",
    "ipc",
    "stop signal",
    "environment name",
    "environment",
    "label name",
    "label",
    "mount target",
    "bind",
    "tmpfs",
    "health check",
    "extra host name",
    "extra host",
    "dns",
    "cap add",
    "cap drop",
    "device",
    "security opt",
    "group",
    "sysctl name",
    "sysctl",
    "ulimit",
    "config file",
    "content",
    "attached network",
    "alias",
];

#[test]
fn a_plan_shows_no_raw_escape_and_no_forged_line() {
    assert_safe(&plan_view::render(&plan(), false), SHORT);
    assert_safe(&plan_view::render(&plan(), true), FULL);
    assert_safe(&Shown::pretty_json(&plan()).unwrap(), FULL);
}

#[test]
fn a_source_snippet_shows_no_raw_escape() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a\u{9b}2J.yml");
    std::fs::write(&file, "a: \x1b[2J\u{9b}\u{202e}\u{200f}\nb: 1\n").unwrap();
    let place = |line| Some(Place { line, column: 1 });
    let wrong: Diagnostics = [
        Diagnostic { place: place(1), field: "a\x1b[2J".into(), message: "wrong \u{202e}".to_owned() },
        Diagnostic { place: None, field: "b".into(), message: "wrong \x07\u{61c}".to_owned() },
    ]
    .into_iter()
    .collect();
    let shown = snippet::render(&file.display().to_string(), &wrong).unwrap();
    assert_safe(&shown, &[]);
    assert!(shown.as_str().contains("a: \u{241b}[2J"), "{}", shown.as_str());
}

#[test]
fn a_progress_line_shows_no_raw_escape() {
    let line = progress::line(&evil("subject"), &evil("text"));
    assert_safe(&line, &["subject", "text"]);
}
