//! Running stacks behave the same, and are reported in the same words, on both engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Ran, Sandbox};
use devarch_core::{
    engine::EngineKind,
    id::ContainerId,
    name::{ContainerName, NetworkName},
    observed::{ObservedContainer, RunState},
    spec::NetworkSpec,
};
use devarch_testkit::{outside, scope::free_port};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
    time::{Duration, Instant},
};

macro_rules! on_both_engines {
    ($($name:ident)*) => {
        mod docker { $(#[test] fn $name() { super::with(super::EngineKind::Docker, super::$name); })* }
        mod podman { $(#[test] fn $name() { super::with(super::EngineKind::Podman, super::$name); })* }
    };
}

on_both_engines! {
    a_plan_after_an_apply_is_empty
    an_edit_is_planned_by_field_and_applied
    every_kind_of_edit_is_applied
    an_instance_answers_to_its_host_name
    disabled_instances_and_stacks_are_down_until_they_are_enabled
    a_health_check_that_never_passes_leaves_no_process_behind
    a_hanging_health_check_is_not_started_twice
    down_keeps_volumes_and_delete_lists_them
    volumes_are_deleted_only_when_asked_for
    a_failed_command_is_reported_with_its_exit_code_and_last_lines
    a_port_conflict_names_the_owner
    an_unmanaged_container_with_a_conflicting_name_is_refused_and_left_alone
    cancelling_exits_with_130_and_the_next_apply_continues
    stop_start_and_restart_keep_the_container
    exec_passes_input_output_and_exit_code
    logs_interleave_with_names_and_follow
    nothing_is_applied_without_confirmation
    a_compose_file_is_written_with_its_files
}

#[test]
fn a_stack_on_docker_cannot_be_planned_on_podman() {
    let (Some(docker), Some(podman)) = (Sandbox::on(EngineKind::Docker), Sandbox::on(EngineKind::Podman))
    else {
        return;
    };
    docker.up();
    let other = podman.endpoint();
    for args in [&["plan"][..], &["up", "--yes"], &["apply", "--yes"], &["down", "--yes"]] {
        let ran = docker.fails(5, &[&["--engine", &other], args].concat());
        assert!(ran.stderr.contains("stack 'STACK' is on docker at "), "{args:?}: {ran}");
    }
    assert_eq!(docker.state("web"), Some(RunState::Running));
    let on_podman = podman.wait(podman.engine().containers()).unwrap();
    assert!(on_podman.iter().all(|container| !container.name.as_str().contains(&docker.stack)));
}

#[test]
fn subnets_used_by_podman_are_not_assigned_on_docker() {
    let (Some(docker), Some(podman)) = (Sandbox::on(EngineKind::Docker), Sandbox::on(EngineKind::Podman))
    else {
        return;
    };
    // Reserves the whole pool with a network that has no container: Podman creates no bridge for it and the host has
    // no route.
    let scope = &podman.fixture().scope;
    let name = NetworkName::from_stored(scope.name("all"));
    let all = NetworkSpec::of_stack(name, docker.address_pool().parse().unwrap());
    let network = podman.wait(podman.engine().create_network(&all, &scope.labels())).unwrap();
    docker.write(&pair());
    let ran = docker.fails(5, &["up", "--yes"]);
    assert!(ran.stderr.contains("stack 'STACK' gets no network: every subnet of 10.212."), "{ran}");
    podman.wait(podman.engine().remove_network(&network)).unwrap();
    docker.up();
}

fn with(kind: EngineKind, test: fn(&Sandbox)) {
    if let Some(sandbox) = Sandbox::on(kind) {
        test(&sandbox);
    }
}

const RUNS: &str = r#"["sh", "-c", "trap 'exit 0' TERM; echo ready; sleep 1000 & wait"]"#;

/// Two instances; `db` has a volume, `web` depends on it.
fn pair() -> String {
    format!(
        r#"
version: "1"
stacks:
  STACK:
    instances:
      web:
        template: busybox
        command: {RUNS}
        ports: ["80"]
        environment: {{ GREETING: hello }}
        depends_on: [db]
      db: {{ template: busybox, command: {RUNS}, volumes: ["data:/data"] }}
"#
    )
}

impl Sandbox {
    fn container(&self, instance: &str) -> Option<ObservedContainer> {
        let name = format!("devarch-{}-{instance}", self.stack);
        let all = self.wait(self.engine().containers()).unwrap();
        all.into_iter().find(|container| container.name.as_str() == name)
    }

    fn id(&self, instance: &str) -> ContainerId {
        self.container(instance).unwrap_or_else(|| panic!("{instance} is there")).id
    }

    fn state(&self, instance: &str) -> Option<RunState> {
        self.container(instance).map(|container| container.state)
    }

    fn volumes(&self) -> Vec<String> {
        let prefix = format!("devarch-{}-", self.stack);
        let all = self.wait(self.engine().volumes()).unwrap();
        all.into_keys().filter(|name| name.starts_with(&prefix)).collect()
    }

    fn up(&self) -> Ran {
        self.write(&pair());
        self.ok(&["up", "--yes"])
    }
}

fn a_plan_after_an_apply_is_empty(sandbox: &Sandbox) {
    let ran = sandbox.up();
    assert!(ran.stdout.contains("web       running  127.0.0.1:"), "{ran}");
    assert!(ran.stderr.contains("Plan: 2 to create"), "{ran}");
    assert!(ran.stderr.contains("web: start\n"), "plain lines where no terminal is: {ran}");
    let plan = sandbox.ok(&["plan", "--detailed-exitcode"]);
    assert!(plan.stdout.contains("No changes"), "{plan}");
    sandbox.ok(&["up"]);
    let plan = sandbox.json(&["plan"]);
    assert_eq!(plan["changes"].as_array().unwrap().len(), 0);
    let status = sandbox.json(&["status"]);
    assert_eq!(status["stacks"][0]["instances"][1]["state"], "running");
}

fn an_edit_is_planned_by_field_and_applied(sandbox: &Sandbox) {
    sandbox.up();
    sandbox.ok(&["set", "/web", "environment.GREETING=good evening"]);
    let plan = sandbox.fails(2, &["plan", "--detailed-exitcode"]);
    assert!(plan.stdout.contains("~ web.environment.GREETING: hello => good evening\n"), "{plan}");
    let before = sandbox.id("db");
    sandbox.ok(&["apply", "--yes"]);
    assert_eq!(sandbox.ok(&["exec", "/web", "--", "sh", "-c", "echo $GREETING"]).stdout, "good evening\n");
    assert_eq!(sandbox.id("db"), before, "what did not change stays");
    sandbox.ok(&["plan", "--detailed-exitcode"]);
}

fn every_kind_of_edit_is_applied(sandbox: &Sandbox) {
    const EDITED: &str = r#"
        environment: { GREETING: hello }
        labels: { team: blue }
        volumes: ["more:/more"]
        config_files: { /etc/contents: { content: "one\n" } }
        healthcheck: { test: [CMD, "true"], interval: 7s }
        resources: { limits: { memory: 64m } }"#;
    let seen = || {
        let path = format!("/containers/{}/json", sandbox.id("web"));
        let seen = sandbox.wait(outside::get(&sandbox.endpoint(), &path));
        let mounts: Vec<String> = seen["Mounts"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|mount| mount["Destination"].to_string())
            .collect();
        let test = seen["Config"]["Healthcheck"]["Test"][1].clone();
        (seen["Config"]["Labels"]["team"].clone(), mounts, test, seen["HostConfig"]["Memory"].clone())
    };
    let contents = || sandbox.run(&["exec", "/web", "--", "cat", "/etc/contents"]).stdout;
    sandbox.up();
    let plain = seen();
    let edited = pair().replace("        environment: { GREETING: hello }", EDITED.trim_start_matches('\n'));
    sandbox.write(&edited);
    sandbox.ok(&["up", "--yes"]);
    let expected = ("blue".into(), vec!["\"/more\"".to_owned()], "true".into(), (64 << 20).into());
    assert_eq!(seen(), expected);
    assert_eq!(contents(), "one\n");
    sandbox.ok(&["plan", "--detailed-exitcode"]);

    sandbox.write(&edited.replace("one\\n", "two\\n").replace("blue", "red"));
    let up = sandbox.ok(&["up", "--yes"]);
    assert!(up.stderr.contains("web.labels.team: blue => red"), "{up}");
    assert_eq!((seen().0, contents()), ("red".into(), "two\n".to_owned()));

    sandbox.write(&pair());
    sandbox.ok(&["up", "--yes"]);
    assert_eq!((seen(), contents()), (plain, String::new()));
    assert!(sandbox.volumes().iter().any(|name| name.ends_with("-web-more")), "it is kept");
    sandbox.ok(&["plan", "--detailed-exitcode"]);
}

fn an_instance_answers_to_its_host_name(sandbox: &Sandbox) {
    sandbox.write(&pair().replace("db: { template: busybox,", "db: { template: busybox, hostname: primary,"));
    sandbox.ok(&["up", "--yes"]);
    for name in ["db", "primary", "devarch-STACK-db"] {
        sandbox.ok_soon(&["exec", "/web", "--", "nslookup", name]);
    }
}

fn disabled_instances_and_stacks_are_down_until_they_are_enabled(sandbox: &Sandbox) {
    sandbox.up();
    sandbox.write(&pair().replace(
        "template: busybox\n        command",
        "template: busybox\n        enabled: false\n        command",
    ));
    sandbox.ok(&["up", "--yes"]);
    assert_eq!((sandbox.state("web"), sandbox.state("db")), (None, Some(RunState::Running)));
    sandbox.up();
    assert_eq!(sandbox.state("web"), Some(RunState::Running));
    sandbox.ok(&["stack", "disable", "STACK"]);
    sandbox.ok(&["apply", "--yes"]);
    assert_eq!((sandbox.state("web"), sandbox.state("db"), sandbox.networks()), (None, None, 0));
    sandbox.ok(&["stack", "enable", "STACK"]);
    sandbox.ok(&["apply", "--yes"]);
    assert_eq!(
        (sandbox.state("web"), sandbox.state("db")),
        (Some(RunState::Running), Some(RunState::Running))
    );
}

/// Engines cannot kill an exec, so repeated health checks would pile up.
fn a_hanging_health_check_is_not_started_twice(sandbox: &Sandbox) {
    let check =
        "healthcheck: { test: [CMD-SHELL, \"echo begun >/proc/1/fd/1; sleep 1000\"], timeout: 200ms }";
    sandbox.write(&pair().replace("depends_on: [db]", check));
    let mut up =
        sandbox.command(&["up", "--yes"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = || sandbox.run(&["logs", "/web"]).stdout.matches("begun").count();
    wait_until("the check has begun", || begun() > 0);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(begun(), 1);
    common::signal(&up, Signal::INT);
    assert_eq!(up.wait().unwrap().code(), Some(130));
}

fn a_health_check_that_never_passes_leaves_no_process_behind(sandbox: &Sandbox) {
    let check = "healthcheck: { test: [CMD, sh, -c, \"echo not yet && exit 3\"], interval: 1s, retries: 5 }";
    sandbox.write(&pair().replace("depends_on: [db]", check));
    let up = sandbox.command(&["up", "--yes"]).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the container was started", || sandbox.state("web") == Some(RunState::Running));
    let id = sandbox.id("web");
    let most = std::iter::repeat_with(|| {
        std::thread::sleep(Duration::from_millis(50));
        outside::processes(id.as_str()).len()
    })
    .take_while(|_| sandbox.state("web").is_some())
    .max();
    let ran = sandbox.end(up);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("its health check did not pass") && ran.stderr.contains("not yet"), "{ran}");
    assert!(most < Some(10), "{most:?} processes at once");
    wait_until("no process of it is left", || outside::processes(id.as_str()).is_empty());
}

#[test]
fn a_container_that_is_stuck_stopping_is_replaced_on_podman() {
    let Some(sandbox) = Sandbox::on(EngineKind::Podman) else { return };
    let deaf = r#"["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]"#;
    sandbox.write(&pair().replace(
        &format!("command: {RUNS}\n        ports"),
        &format!("command: {deaf}\n        stop_grace_period: 2s\n        ports"),
    ));
    sandbox.ok(&["up", "--yes"]);
    let (stuck, db) = (sandbox.id("web"), sandbox.id("db"));
    // conmon reports the container's exit to Podman; it is killed while Podman waits for the report.
    let is_conmon = |(_, line): &(i32, Vec<String>)| line[0].ends_with("conmon");
    let watcher = outside::processes(stuck.as_str()).into_iter().find(is_conmon).expect("a watcher");
    let (endpoint, path) = (sandbox.endpoint(), format!("/containers/{stuck}/stop"));
    std::thread::scope(|threads| {
        threads.spawn(|| sandbox.wait(outside::call(&endpoint, "POST", &path)));
        wait_until("it is being stopped", || sandbox.state("web") == Some(RunState::Stuck));
        kill_process(Pid::from_raw(watcher.0).unwrap(), Signal::KILL).unwrap();
    });
    assert_eq!(sandbox.state("web"), Some(RunState::Stuck), "Podman answered that it is stopped");

    let plan = sandbox.ok(&["plan"]);
    assert!(plan.stdout.contains("-/+ web  will be replaced (cannot be started again"), "{plan}");
    sandbox.refused(&["exec", "/web", "--", "true"], "`devarch up STACK` replaces it");
    let status = sandbox.ok(&["status"]);
    assert!(status.stdout.contains("its container cannot be started again"), "{status}");
    sandbox.ok(&["up", "--yes"]);
    assert_eq!(sandbox.state("web"), Some(RunState::Running));
    assert_eq!(sandbox.id("db"), db, "what is well stays");
    assert!(sandbox.wait(sandbox.engine().inspect(&stuck)).unwrap().is_none());
    sandbox.ok(&["plan", "--detailed-exitcode"]);
}

fn down_keeps_volumes_and_delete_lists_them(sandbox: &Sandbox) {
    sandbox.up();
    sandbox.fails(5, &["stack", "delete", "STACK"]);
    sandbox.ok(&["down", "--yes"]);
    assert_eq!((sandbox.state("web"), sandbox.state("db")), (None, None));
    assert_eq!(sandbox.volumes().len(), 1);
    assert!(sandbox.ok(&["plan"]).stdout.contains("No changes"), "down is the desired state");
    let ran = sandbox.ok(&["stack", "delete", "STACK"]);
    assert_eq!(ran.stdout, "  devarch-STACK-db-data\n", "{ran}");
    assert_eq!(sandbox.volumes().len(), 1);
}

fn volumes_are_deleted_only_when_asked_for(sandbox: &Sandbox) {
    sandbox.up();
    sandbox.ok(&["down", "--yes"]);
    let ran = sandbox.fails(5, &["stack", "delete", "STACK", "--volumes"]);
    assert!(
        ran.stderr.contains("devarch-STACK-db-data") && ran.stderr.contains("--yes confirms it"),
        "{ran}"
    );
    assert_eq!(sandbox.volumes().len(), 1);
    sandbox.ok(&["stack", "delete", "STACK", "--volumes", "--yes"]);
    assert!(sandbox.volumes().is_empty());
}

fn a_failed_command_is_reported_with_its_exit_code_and_last_lines(sandbox: &Sandbox) {
    sandbox.write(
        r#"
version: "1"
stacks:
  STACK:
    instances:
      bad: { template: busybox, restart: "no", command: ["sh", "-c", "echo no config found >&2; exit 3"] }
"#,
    );
    let ran = sandbox.fails(1, &["up", "--yes"]);
    assert!(ran.stderr.contains("error: instance 'bad' failed: it exited with code 3"), "{ran}");
    assert!(ran.stderr.contains("\n  | no config found\n"), "{ran}");
    assert!(ran.stderr.contains("everything created by this apply was removed"), "{ran}");
    let status = sandbox.ok(&["status"]);
    assert!(status.stdout.contains("failed: `devarch up` of "), "{status}");
    assert!(status.stdout.contains("it exited with code 3; see `devarch history show"), "{status}");
    let history = sandbox.ok(&["history", "show", &sandbox.stack]);
    assert!(history.stdout.contains("\n  | no config found\n"), "{history}");
}

fn a_port_conflict_names_the_owner(sandbox: &Sandbox) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    sandbox.write(&pair().replace("[\"80\"]", &format!("[\"{port}:80\"]")));
    let ran = sandbox.fails(5, &["up", "--yes"]);
    assert!(ran.stderr.contains(&format!("(pid {})", std::process::id())), "{ran}");
    assert!(ran.stderr.contains(&port.to_string()), "{ran}");
    assert_eq!(sandbox.state("db"), None, "nothing was begun");
    drop(listener);
    sandbox.write(&pair().replace("[\"80\"]", &format!("[\"{}:80\"]", free_port())));
    sandbox.ok(&["up", "--yes"]);
}

fn an_unmanaged_container_with_a_conflicting_name_is_refused_and_left_alone(sandbox: &Sandbox) {
    let fixture = sandbox.fixture();
    let mut request = fixture.request("foreign", &["sleep", "1000"]);
    request.name = ContainerName::from_stored(format!("devarch-{}-web", sandbox.stack));
    let unmanaged = sandbox.wait(fixture.create(&request));
    sandbox.write(&pair());
    let ran = sandbox.fails(5, &["up", "--yes"]);
    assert!(
        ran.stderr.contains("devarch-STACK-web") && ran.stderr.contains("was not created by DevArch"),
        "{ran}"
    );
    assert_eq!(sandbox.id("web"), unmanaged);
    assert_eq!(sandbox.state("db"), None, "nothing was begun");
}

/// The first Ctrl-C lets current steps finish; existing containers stay, and the next apply continues from there.
fn cancelling_exits_with_130_and_the_next_apply_continues(sandbox: &Sandbox) {
    sandbox.write(
        r#"
version: "1"
stacks:
  STACK:
    instances:
      slow:
        template: busybox
        healthcheck: { test: ["CMD", "test", "-e", "/ready"], interval: 1s, retries: 100 }
      after: { template: busybox, depends_on: [slow] }
"#,
    );
    let mut command = sandbox.command(&["up", "--yes"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("slow runs", || sandbox.state("slow") == Some(RunState::Running));
    std::thread::sleep(Duration::from_millis(200));
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    let ran = sandbox.end(child);
    assert_eq!(ran.code, 130, "{stderr}");
    assert!(stderr.contains("error: cancelled"), "{stderr}");
    assert_ne!(sandbox.state("after"), Some(RunState::Running), "no step began after it");
    sandbox.ok(&["set", "/slow", "healthcheck.test=[CMD, \"true\"]"]);
    sandbox.ok(&["apply", "--yes"]);
    assert_eq!(sandbox.state("after"), Some(RunState::Running));
    sandbox.ok(&["plan", "--detailed-exitcode"]);
}

fn stop_start_and_restart_keep_the_container(sandbox: &Sandbox) {
    sandbox.up();
    let before = sandbox.id("web");
    sandbox.ok(&["stop", "/web"]);
    assert_eq!(sandbox.state("web"), Some(RunState::Exited));
    assert_eq!(sandbox.state("db"), Some(RunState::Running));
    assert!(sandbox.ok(&["plan"]).stdout.contains("No changes"), "stopped is the desired state");
    assert!(sandbox.ok(&["status"]).stdout.contains("stopped"));
    sandbox.fails(5, &["exec", "/web", "--", "true"]);
    sandbox.ok(&["start"]);
    assert_eq!((sandbox.state("web"), sandbox.id("web")), (Some(RunState::Running), before.clone()));
    sandbox.ok(&["exec", "/web", "--", "touch", "/tmp/mark"]);
    let pid_one =
        |sandbox: &Sandbox| sandbox.ok(&["exec", "/web", "--", "stat", "-c", "%Z", "/proc/1"]).stdout;
    let started = pid_one(sandbox);
    std::thread::sleep(Duration::from_millis(1100));
    sandbox.ok(&["restart", "/web"]);
    assert_eq!(sandbox.id("web"), before, "a restart keeps the container");
    assert_ne!(pid_one(sandbox), started, "and restarts its process");
}

fn exec_passes_input_output_and_exit_code(sandbox: &Sandbox) {
    sandbox.up();
    let ran = sandbox.run(&["exec", "STACK/web", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (7, "out\n", "err\n"));
    let big = vec![b'x'; 1 << 20];
    let ran = sandbox.feed(&big, &["exec", "/web", "--", "wc", "-c"]);
    assert_eq!(ran.stdout.trim(), "1048576", "{ran}");
    let ran = sandbox.ok(&[
        "exec",
        "-w",
        "/tmp",
        "-u",
        "65534",
        "-e",
        "A=1 2",
        "/web",
        "sh",
        "-c",
        "pwd; id -u; echo $A",
    ]);
    assert_eq!(ran.stdout, "/tmp\n65534\n1 2\n");
    assert_eq!(sandbox.feed(b"echo in a shell; exit 5\n", &["shell", "/web"]).code, 5);
    // Docker exits with 126, Podman with 127.
    assert!(sandbox.run(&["exec", "/web", "--", "no-such-program"]).code >= 126);
}

fn logs_interleave_with_names_and_follow(sandbox: &Sandbox) {
    sandbox.up();
    let ran = sandbox.ok(&["logs"]);
    assert!(ran.stdout.contains("db  | ready\n") && ran.stdout.contains("web | ready\n"), "{ran}");
    assert_eq!(sandbox.ok(&["logs", "/web", "--tail", "1"]).stdout, "ready\n");
    let line: serde_json::Value =
        serde_json::from_str(&sandbox.ok(&["logs", "/web", "--json"]).stdout).unwrap();
    assert_eq!((line["instance"].as_str(), line["line"].as_str()), (Some("web"), Some("ready")));
    let mut following = sandbox.command(&["logs", "-f", "/db"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    sandbox.ok(&["exec", "/db", "--", "sh", "-c", "echo more > /proc/1/fd/1"]);
    assert_eq!(lines.next().unwrap().unwrap(), "more");
    following.kill().unwrap();
    following.wait().unwrap();
}

fn nothing_is_applied_without_confirmation(sandbox: &Sandbox) {
    sandbox.write(&pair());
    let ran = sandbox.fails(5, &["up"]);
    assert!(ran.stderr.contains("there is no terminal to ask at\nhelp: --yes confirms it"), "{ran}");
    assert!(ran.stderr.contains("Plan: 2 to create"), "{ran}");
    assert_eq!(sandbox.state("db"), None);
    sandbox.ok(&["up", "--yes"]);
    sandbox.fails(5, &["down"]);
    assert_eq!(sandbox.state("db"), Some(RunState::Running));
    assert!(sandbox.ok(&["plan"]).stdout.contains("No changes"), "the wish was not recorded");
}

fn a_compose_file_is_written_with_its_files(sandbox: &Sandbox) {
    sandbox.write(
        r#"
version: "1"
stacks:
  STACK:
    instances:
      web:
        template: busybox
        environment: { TOKEN: { value: "it's a secret", secret: true } }
        config_files:
          /etc/plain: { content: "plain\n" }
          /etc/hidden: { content: "hidden\n", secret: true }
"#,
    );
    sandbox.ok(&["up", "--yes"]);
    sandbox.ok(&["down", "--yes"]);
    let ran = sandbox.ok(&["compose"]);
    assert!(ran.stdout.contains("container_name: devarch-STACK-web"), "also while it is down: {ran}");
    assert!(!ran.to_string().contains("it's a secret"), "{ran}");
    let ran = sandbox.ok(&["compose", "--dir", "out"]);
    assert!(ran.stderr.contains("is secret and was left out"), "{ran}");
    assert!(!sandbox.project().join("out/.env").exists());
    sandbox.fails(5, &["compose", "--dir", "out"]);
    let ran = sandbox.ok(&["compose", "--dir", "all", "--secrets"]);
    assert_eq!(ran.stdout.lines().count(), 4, "{ran}");
    let variables = sandbox.project().join("all/.env");
    assert_eq!(variables.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(variables).unwrap().contains(r"'it\'s a secret'"));
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_mins(1), "{what} in time");
        std::thread::sleep(Duration::from_millis(100));
    }
}
