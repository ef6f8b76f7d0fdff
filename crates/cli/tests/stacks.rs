//! Complete stacks on real engines, observed from inside their containers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{
    Ran, Sandbox,
    gate::{Action, EngineGate},
    signal,
};
use devarch_core::{engine::EngineKind, name::PhysicalVolume, observed::RunState};
use devarch_testkit::fixture::{RUNS, mounted};
use rustix::process::Signal;
use serde_json::Value;

macro_rules! on_both_engines {
    ($($name:ident)*) => {
        mod docker { $(#[test] fn $name() { super::with(super::EngineKind::Docker, super::$name); })* }
        mod podman { $(#[test] fn $name() { super::with(super::EngineKind::Podman, super::$name); })* }
    };
}

on_both_engines! {
    two_stacks_of_one_template_do_not_reach_each_other
    an_imported_secret_reaches_its_container_and_no_file
    a_sensitive_host_path_is_refused_under_any_name_and_one_outside_is_shown
    a_failed_replacement_is_fixed_by_the_next_apply
    a_container_that_restarts_repeatedly_has_failed
    on_a_busy_machine_a_container_that_exits_at_once_has_failed
    a_predecessor_that_keeps_starting_itself_is_replaced
    overwritten_edits_are_shown_without_their_secrets
    ports_and_addresses_survive_down_and_up
    volumes_of_a_removed_stack_are_not_reused_by_accident
    a_stack_with_a_volume_in_use_is_not_deleted
    a_killed_deletion_can_be_repeated
    leftovers_of_a_lost_home_are_removed_and_its_volumes_adopted
    a_copied_home_can_get_a_new_identity_and_keeps_its_secrets
    up_waits_for_containers_that_an_interrupted_up_left_starting
    health_checks_of_many_instances_do_not_delay_the_last_one
    every_template_with_a_local_image_becomes_ready
    a_stack_is_shown_as_healthy_right_after_up
}

fn with(kind: EngineKind, test: fn(&Sandbox)) {
    if let Some(sandbox) = Sandbox::on(kind) {
        test(&sandbox);
    }
}

const SERVES: &str =
    r#"["sh", "-c", "trap 'exit 0' TERM; while true; do echo $ANSWER | nc -l -p 8000; done & wait"]"#;

impl Sandbox {
    fn instance(&self, stack: &str, instance: &str) -> Value {
        let status = self.json(&["status", stack]);
        let instances = status["stacks"][0]["instances"].as_array().cloned().unwrap_or_default();
        instances.into_iter().find(|found| found["name"] == instance).unwrap_or_default()
    }

    /// What a container of `stack` reads from a host and port, if it can connect.
    fn reads(&self, stack: &str, host: &str) -> Option<String> {
        read(&self.run(&reading(stack, host).each_ref().map(String::as_str)))
    }

    /// Like `reads`, but retries until it connects.
    fn finds(&self, stack: &str, host: &str) -> Option<String> {
        let args = reading(stack, host);
        read(&self.run_until(&args.each_ref().map(String::as_str), |ran| read(ran).is_some()))
    }
}

fn reading(stack: &str, host: &str) -> [String; 7] {
    let line = format!("nc -w 2 {host} 8000 </dev/null");
    ["exec", "-T", &format!("{stack}/web"), "--", "sh", "-c", &line].map(str::to_owned)
}

fn read(ran: &Ran) -> Option<String> {
    Some(ran.stdout.trim().to_owned()).filter(|text| ran.code == 0 && !text.is_empty())
}

fn an_imported_secret_reaches_its_container_and_no_file(sandbox: &Sandbox) {
    let deploy = sandbox.project().join("deploy");
    std::fs::create_dir_all(deploy.join("conf")).unwrap();
    for (name, text) in [
        ("compose.yml", COMPOSE),
        (".env", "\u{feff}API_TOKEN='hunter2 #token'\r\nPLAIN=plain-value # not secret\r\n"),
        ("pw.txt", "hunter2-file"),
        ("conf/x", "conf"),
    ] {
        std::fs::write(deploy.join(name), text).unwrap();
    }
    sandbox.ok(&["init", "--from", "deploy/compose.yml", "--stack", "STACK"]);
    let written = std::fs::read_to_string(sandbox.project().join("devarch.yml")).unwrap();
    assert!(!written.contains("hunter2") && written.contains("${secret:API_TOKEN}"), "{written}");
    assert!(written.contains("plain-value"), "{written}");
    assert_eq!(sandbox.containers(), 0, "nothing was applied");
    sandbox.ok(&["up", "--yes"]);
    let look = "echo $API_TOKEN; cat /run/secrets/pw /conf/x; touch /one/file; ls /two /three";
    let ran = sandbox.ok(&["exec", "-T", "--no-redact", "STACK/web", "--", "sh", "-c", look]);
    assert_eq!(ran.stdout, "hunter2 #token\nhunter2-fileconf/three:\n\n/two:\n", "{ran}");
}

/// Variables, a secret file, volume names that differ only in invalid characters, and a path.
const COMPOSE: &str = r#"
services:
  web:
    image: busybox:1.37
    init: true
    command: sleep 1000
    environment: { API_TOKEN: "${API_TOKEN}", PLAIN: "${PLAIN}" }
    secrets: [pw]
    volumes: ["pg_data:/one", "pg-data:/two", "pg.data:/three", "./conf:/conf:ro"]
secrets: { pw: { file: ./pw.txt } }
volumes: { pg_data: , pg-data: , pg.data: }
"#;

fn a_sensitive_host_path_is_refused_under_any_name_and_one_outside_is_shown(sandbox: &Sandbox) {
    let home = sandbox.project().parent().unwrap().to_owned();
    let socket = sandbox.endpoint().trim_start_matches("unix://").to_owned();
    std::fs::write(home.join(".netrc"), "hunter2").unwrap();
    std::fs::create_dir(sandbox.temporary().join("outside")).unwrap();
    std::fs::write(sandbox.temporary().join("outside/x"), "outside").unwrap();
    for (link, to) in [("api", socket.as_str()), ("rc", "../.netrc"), ("here", "../tmp/outside")] {
        std::os::unix::fs::symlink(to, sandbox.project().join(link)).unwrap();
    }
    let write = |field: &str| {
        sandbox.write(&format!(
            "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {{template: busybox, {field}}}\n"
        ));
    };
    for (field, allowance, message) in [
        ("volumes: [\"./api:/s:ro\"]", "engine-socket", "the socket of an engine"),
        ("volumes: [\"./rc:/rc:ro\"]", "host-paths", "which is $ROOT/.netrc"),
        ("volumes: [\"..//project/../.netrc:/rc:ro\"]", "host-paths", "$ROOT/.netrc"),
        ("volumes: [\"..:/all:ro\"]", "host-paths", "the home"),
        ("volumes: [\"../home:/home\"]", "host-paths", "the data of a DevArch"),
        ("volumes: [\"/usr/local/bin:/b\"]", "host-paths", "system programs"),
        ("config_files: {/x: {file: ./rc}}", "host-paths", "$ROOT/.netrc"),
        ("config_files: {/x: {file: ~/.netrc}}", "host-paths", "$ROOT/.netrc"),
        ("build: ..", "host-paths", "the home"),
    ] {
        write(field);
        let ran = sandbox.fails(3, &["up", "--yes"]);
        assert!(ran.stderr.contains(&format!("add `allow: [{allowance}]`")), "{field}: {ran}");
        assert!(ran.stderr.contains(message) && ran.stderr.contains("devarch.yml:5:"), "{field}: {ran}");
        assert!(!ran.stderr.contains("hunter2"), "{field}: {ran}");
        sandbox.feed(b"value", &["secret", "set", "A"]);
        let files = ["devarch.db", "devarch.db-wal"].map(|name| std::fs::read(sandbox.home().join(name)));
        for file in files.into_iter().flatten() {
            assert!(!file.windows(7).any(|text| text == b"hunter2"), "{field}: nothing of it is kept");
        }
        assert_eq!(sandbox.containers(), 0, "{field}");
    }
    write("volumes: [\"./here:/data\"], config_files: {/x: {file: ../tmp/outside/x}}");
    let ran = sandbox.ok(&["up", "--yes"]);
    for shown in [
        "      bind $ROOT/project/here -> /data (is $ROOT/tmp/outside)\n",
        "      file $ROOT/tmp/outside/x -> /x\n",
    ] {
        assert!(ran.stderr.contains(shown), "{shown}: {ran}");
    }
    let ran = sandbox.ok(&["exec", "-T", "/web", "--", "cat", "/data/x", "/x"]);
    assert_eq!(ran.stdout, "outsideoutside");
}

fn two_stacks_of_one_template_do_not_reach_each_other(sandbox: &Sandbox) {
    let (one, two) = (sandbox.stack.clone(), format!("{}-2", sandbox.stack));
    sandbox.write(&format!(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
         db: {{template: busybox, command: {SERVES}, environment: {{ANSWER: here}}, ports: [8000]}}\n      \
         web: {{template: busybox, depends_on: [db]}}\n"
    ));
    sandbox.ok(&["up", "--yes"]);
    sandbox.ok(&["up", "--yes", "--as", &two]);
    let (first, second) = (sandbox.instance(&one, "db"), sandbox.instance(&two, "db"));
    assert_ne!(first["ports"][0]["host"], second["ports"][0]["host"]);
    for (stack, other, theirs) in [(&one, &two, &second), (&two, &one, &first)] {
        assert_eq!(sandbox.finds(stack, "db").as_deref(), Some("here"), "{stack} reaches its own");
        assert_eq!(sandbox.finds(stack, &format!("devarch-{stack}-db")).as_deref(), Some("here"));
        assert_eq!(
            sandbox.reads(stack, &format!("devarch-{other}-db")),
            None,
            "{stack} finds {other} by name"
        );
        let address = theirs["address"].as_str().unwrap_or("no address");
        assert!(address.starts_with("10."), "{theirs}");
        assert_eq!(sandbox.reads(stack, address), None, "{stack} reaches {other} at {address}");
    }
    sandbox.ok(&["down", &two, "--yes"]);
    assert_eq!(sandbox.finds(&one, "db").as_deref(), Some("here"), "the other stack's end is not noticed");
}

fn a_failed_replacement_is_fixed_by_the_next_apply(sandbox: &Sandbox) {
    sandbox.write(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {template: busybox, ports: [80]}\n",
    );
    sandbox.ok(&["up", "--yes"]);
    let before = sandbox.instance(&sandbox.stack, "web");
    sandbox.ok(&["set", "/web", "healthcheck={test: \"echo nope; exit 1\", interval: 300ms, retries: 2}"]);
    let failed = sandbox.fails(1, &["apply", "--yes"]);
    assert!(failed.stderr.contains("instance 'web' failed: its health check did not pass"), "{failed}");
    assert!(failed.stderr.contains("nope"), "{failed}");
    sandbox.fails(1, &["apply", "--yes"]);
    assert!(sandbox.ok(&["status"]).stdout.contains("failed: "));
    sandbox.ok(&["unset", "/web", "healthcheck"]);
    let fixed = sandbox.ok(&["apply", "--yes"]);
    assert!(!fixed.stdout.contains("failed: "), "it is as it should be again: {fixed}");
    assert_eq!(sandbox.json(&["history"])[0]["outcome"], "succeeded");
    sandbox.ok(&["plan", "--detailed-exitcode"]);
    let after = sandbox.instance(&sandbox.stack, "web");
    assert_eq!((&after["ports"], &after["address"]), (&before["ports"], &before["address"]));
    let names: Vec<String> =
        sandbox.wait(sandbox.engine().containers()).unwrap().iter().map(|c| c.name.to_string()).collect();
    let ours = names.iter().filter(|name| name.starts_with(&format!("devarch-{}-", sandbox.stack)));
    assert_eq!(ours.count(), 1, "{names:?}");
}

fn a_container_that_restarts_repeatedly_has_failed(sandbox: &Sandbox) {
    sandbox.write(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
         web: {template: busybox, restart: always, command: [sh, -c, \"echo no config; exit 3\"]}\n",
    );
    let failed = sandbox.fails(1, &["up", "--yes"]);
    assert!(failed.stderr.contains("instance 'web' failed"), "{failed}");
    assert!(failed.stderr.contains("| no config"), "{failed}");
}

fn on_a_busy_machine_a_container_that_exits_at_once_has_failed(sandbox: &Sandbox) {
    sandbox.write(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
         web: {template: busybox, restart: \"no\", command: [sh, -c, \"echo no config; exit 3\"]}\n",
    );
    let over = std::sync::atomic::AtomicBool::new(false);
    let busy = 8 * std::thread::available_parallelism().unwrap().get();
    let ran = std::thread::scope(|scope| {
        for _ in 0..busy {
            scope.spawn(|| {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let ran = sandbox.run(&["up", "--yes"]);
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        ran
    });
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("instance 'web' failed: it exited with code 3"), "{ran}");
}

fn a_predecessor_that_keeps_starting_itself_is_replaced(sandbox: &Sandbox) {
    sandbox.write(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
         web: {template: busybox, restart: always, volumes: [\"data:/data\"]}\n",
    );
    sandbox.ok(&["up", "--yes"]);
    sandbox.ok(&["set", "/web", "command=[sh, -c, \"echo one; exit 3\"]"]);
    sandbox.fails(1, &["apply", "--yes"]);
    sandbox.fails(1, &["apply", "--yes"]);
    sandbox.ok(&["unset", "/web", "command"]);
    sandbox.ok(&["apply", "--yes"]);
    sandbox.ok(&["plan", "--detailed-exitcode"]);
}

fn overwritten_edits_are_shown_without_their_secrets(sandbox: &Sandbox) {
    sandbox.write("version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {template: busybox, environment: {A: \"1\"}}\n");
    sandbox.ok(&["up", "--yes"]);
    sandbox.ok(&["set", "/web", "environment.TOKEN={value: hunter2, secret: true}", "environment.A=2"]);
    let refused = sandbox.fails(5, &["up"]);
    assert!(refused.stderr.contains("! web.environment.A: 2 => 1"), "{refused}");
    assert!(refused.stderr.contains("! web.environment.TOKEN: - [REDACTED]"), "{refused}");
    assert!(!refused.stderr.contains("hunter2") && !refused.stdout.contains("hunter2"), "{refused}");
    assert!(sandbox.ok(&["config", "/web"]).stdout.contains("TOKEN"), "nothing was saved");
    assert!(!refused.stderr.contains("No changes"), "what was never applied is lost all the same: {refused}");
}

fn ports_and_addresses_survive_down_and_up(sandbox: &Sandbox) {
    sandbox.write("version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {template: busybox, ports: [80, 53/udp]}\n");
    sandbox.ok(&["up", "--yes"]);
    let before = sandbox.instance(&sandbox.stack, "web");
    sandbox.ok(&["down", "--yes"]);
    sandbox.ok(&["up", "--yes"]);
    let after = sandbox.instance(&sandbox.stack, "web");
    assert_eq!((&after["ports"], &after["address"]), (&before["ports"], &before["address"]));
}

fn volumes_of_a_removed_stack_are_not_reused_by_accident(sandbox: &Sandbox) {
    sandbox.write("version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {template: busybox, volumes: [\"data:/data\"]}\n");
    sandbox.ok(&["up", "--yes"]);
    sandbox.ok(&["exec", "-T", "/web", "--", "sh", "-c", "echo precious >/data/x"]);
    sandbox.ok(&["down", "--yes"]);
    sandbox.ok(&["stack", "delete", "STACK", "--yes"]);
    let refused = sandbox.fails(5, &["up", "--yes"]);
    assert!(refused.stderr.contains("--reuse-volumes"), "{refused}");
    sandbox.ok(&["up", "--yes", "--reuse-volumes"]);
    assert_eq!(sandbox.ok(&["exec", "-T", "/web", "--", "cat", "/data/x"]).stdout, "precious\n");
    sandbox.ok(&["plan", "--detailed-exitcode"]);
    // A volume that was reused once needs no confirmation again.
    sandbox.ok(&["down", "--yes"]);
    sandbox.ok(&["up", "--yes"]);
    assert_eq!(sandbox.ok(&["exec", "-T", "/web", "--", "cat", "/data/x"]).stdout, "precious\n");
}

const TWO_VOLUMES: &str = "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
     web: {template: busybox, volumes: [\"data:/data\", \"more:/more\"]}\n";

impl Sandbox {
    /// A stack with two volumes that is down.
    fn with_two_volumes(&self) {
        self.write(TWO_VOLUMES);
        self.ok(&["up", "--yes"]);
        self.ok(&["down", "--yes"]);
        assert_eq!(self.volumes().len(), 2);
    }

    fn volumes(&self) -> Vec<String> {
        let prefix = format!("devarch-{}-web-", self.stack);
        let all = self.wait(self.engine().volumes()).unwrap();
        all.into_keys().filter(|name| name.starts_with(&prefix)).collect()
    }
}

fn a_stack_with_a_volume_in_use_is_not_deleted(sandbox: &Sandbox) {
    sandbox.with_two_volumes();
    let mut request = sandbox.fixture().request("reader", &RUNS);
    let volume = PhysicalVolume::from_stored(format!("devarch-{}-web-more", sandbox.stack));
    request.spec.mounts.push(mounted(&volume, "/data"));
    let reader = sandbox.wait(sandbox.fixture().run(&request));
    let refused = sandbox.fails(5, &["stack", "delete", "STACK", "--volumes", "--yes"]);
    let words = format!("volume devarch-STACK-web-more is in use by container {}", request.name);
    assert!(refused.stderr.contains(&words) && !refused.stderr.contains("doctor"), "{refused}");
    assert_eq!(sandbox.volumes().len(), 2, "nothing was deleted");
    sandbox.ok(&["config", "STACK/web"]);
    assert_eq!(sandbox.json(&["history", "STACK"]).as_array().unwrap().len(), 2);
    sandbox.wait(async {
        sandbox.fixture().stop(&reader).await;
        sandbox.engine().remove_container(&reader).await.unwrap();
    });
    sandbox.ok(&["stack", "delete", "STACK", "--volumes", "--yes"]);
    assert_eq!(sandbox.volumes(), Vec::<String>::new());
    sandbox.fails(4, &["config", "STACK/web"]);
}

/// Holds the second removal of a volume.
fn second_removal(request: &str) -> Action {
    let second =
        request.starts_with("DELETE") && request.contains("/volumes/") && request.contains("-web-more");
    if second { Action::Hold } else { Action::Pass }
}

fn a_killed_deletion_can_be_repeated(sandbox: &Sandbox) {
    sandbox.with_two_volumes();
    let gate = EngineGate::new(&sandbox.endpoint(), second_removal);
    let args = ["stack", "delete", "STACK", "--volumes", "--yes"];
    let mut child = sandbox.command_at(&gate.endpoint(), &args).spawn().unwrap();
    gate.await_held();
    signal(&child, Signal::KILL);
    child.wait().unwrap();
    assert_eq!(sandbox.volumes().len(), 1);
    sandbox.ok(&["config", "STACK/web"]);
    let deleted = sandbox.json(&args);
    assert_eq!(deleted["deleted_volumes"], serde_json::json!(["devarch-STACK-web-more"]), "{deleted}");
    assert_eq!(sandbox.volumes(), Vec::<String>::new());
    assert!(sandbox.ok(&["stack", "list"]).stdout.contains("no stacks yet"));
    // Its history is gone too.
    sandbox.write(TWO_VOLUMES);
    sandbox.ok(&["up", "--yes"]);
}

fn leftovers_of_a_lost_home_are_removed_and_its_volumes_adopted(sandbox: &Sandbox) {
    sandbox.write("version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {template: busybox, volumes: [\"data:/data\"]}\n");
    sandbox.ok(&["up", "--yes"]);
    sandbox.ok(&["exec", "-T", "/web", "--", "sh", "-c", "echo precious >/data/x"]);
    std::fs::rename(sandbox.home(), sandbox.home().with_extension("lost")).unwrap();
    let refused = sandbox.fails(5, &["up", "--yes", "--adopt-volumes"]);
    assert!(refused.stderr.contains("if that home is lost, `devarch adopt STACK` clears away"), "{refused}");
    assert!(sandbox.run(&["doctor"]).stdout.contains("another home's or user's"));
    let row = |line: &str| line.starts_with("STACK ") && line.contains(" 1 ");
    assert!(sandbox.ok(&["adopt"]).stdout.lines().any(row), "{}", sandbox.ok(&["adopt"]));
    assert!(sandbox.fails(4, &["adopt", "nothing"]).stderr.contains("no other home has objects"));
    let request = sandbox.fails(5, &["adopt", "STACK"]);
    assert!(request.stderr.contains("-   container devarch-STACK-web  will be removed"), "{request}");
    assert!(request.stderr.contains("volume devarch-STACK-web-data  will be kept"), "{request}");
    let containers = |sandbox: &Sandbox| {
        let all = sandbox.wait(sandbox.engine().containers()).unwrap();
        all.iter().filter(|one| one.name.as_str().starts_with(&format!("devarch-{}-", sandbox.stack))).count()
    };
    assert_eq!(containers(sandbox), 1, "nothing was confirmed");
    let runs = sandbox.fails(5, &["adopt", "STACK", "--yes"]);
    assert!(runs.stderr.contains("`--yes` does not confirm"), "{runs}");
    assert_eq!(containers(sandbox), 1, "what runs is not taken from another home unasked");
    let all = sandbox.wait(sandbox.engine().containers()).unwrap();
    let name = format!("devarch-{}-web", sandbox.stack);
    let web = all.iter().find(|container| container.name.as_str() == name).unwrap();
    sandbox.wait(sandbox.fixture().stop(&web.id));
    sandbox.ok(&["adopt", "STACK", "--yes"]);
    assert_eq!(containers(sandbox), 0);
    let refused = sandbox.fails(5, &["up", "--yes", "--reuse-volumes"]);
    assert!(
        refused.stderr.contains("if that home is lost, --adopt-volumes takes over its data"),
        "{refused}"
    );
    sandbox.ok(&["up", "--yes", "--adopt-volumes"]);
    assert_eq!(sandbox.ok(&["exec", "-T", "/web", "--", "cat", "/data/x"]).stdout, "precious\n");
    // A volume that was adopted once needs no confirmation again, and is deleted like the stack's own.
    sandbox.ok(&["plan", "--detailed-exitcode"]);
    sandbox.ok(&["down", "--yes"]);
    sandbox.ok(&["up", "--yes"]);
    sandbox.ok(&["down", "--yes"]);
    let deleted = sandbox.json(&["stack", "delete", "STACK", "--volumes", "--yes"]);
    assert_eq!(deleted["kept_volumes"], serde_json::json!([]), "{deleted}");
    let volume = format!("devarch-{}-web-data", sandbox.stack);
    assert!(!sandbox.wait(sandbox.engine().volumes()).unwrap().contains_key(&volume));
}

fn a_copied_home_can_get_a_new_identity_and_keeps_its_secrets(sandbox: &Sandbox) {
    sandbox.write(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
         web: {template: busybox, ports: [80], environment: {MADE: {generate: 20}}}\n",
    );
    sandbox.ok(&["up", "--yes"]);
    let made = |stack: &str| {
        sandbox.ok(&["exec", "-T", "--no-redact", stack, "--", "sh", "-c", "echo $MADE"]).stdout
    };
    let (first, port) = (made("STACK/web"), sandbox.instance("STACK", "web")["ports"][0]["host"].clone());
    let copy = sandbox.home().with_extension("copy");
    std::fs::create_dir(&copy).unwrap();
    for file in std::fs::read_dir(sandbox.home()).unwrap().flatten().filter(|file| file.path().is_file()) {
        std::fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    let (kept, own) = (sandbox.home().with_extension("kept"), sandbox.home());
    std::fs::rename(&own, &kept).unwrap();
    std::fs::rename(&copy, &own).unwrap();
    assert_eq!(sandbox.run(&["doctor", "--new-store-id"]).code, 5, "it asks");
    sandbox.ok(&["doctor", "--new-store-id", "--yes"]);
    assert_eq!(sandbox.instance("STACK", "web")["state"], Value::Null, "it owns nothing");
    assert_ne!(sandbox.run(&["up", "--yes"]).code, 0, "the name is the other home's");
    sandbox.ok(&["stack", "rename", "STACK", "STACK-copy"]);
    sandbox.ok(&["up", "STACK-copy", "--yes"]);
    assert_eq!(made("STACK-copy/web"), first, "secrets stay");
    assert_ne!(sandbox.instance("STACK-copy", "web")["ports"][0]["host"], port, "ports are its own");
    sandbox.ok(&["down", "STACK-copy", "--yes"]);
    std::fs::rename(&own, &copy).unwrap();
    std::fs::rename(&kept, &own).unwrap();
    sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
    assert_eq!(sandbox.instance("STACK", "web")["state"], "running");
}

fn up_waits_for_containers_that_an_interrupted_up_left_starting(sandbox: &Sandbox) {
    sandbox.write(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
         web: {template: busybox, command: [sh, -c, \"sleep 3; touch /ok; sleep 1000\"], \
         healthcheck: {test: \"test -f /ok\", interval: 30s, start_period: 30s}}\n",
    );
    let mut child = sandbox.command(&["up", "--yes"]).spawn().unwrap();
    let name = format!("devarch-{}-web", sandbox.stack);
    let runs = || {
        let all = sandbox.wait(sandbox.engine().containers()).unwrap();
        all.iter().any(|container| container.name.as_str() == name && container.state == RunState::Running)
    };
    while !runs() {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    sandbox.ok(&["up", "--yes"]);
    sandbox.ok(&["exec", "-T", "/web", "--", "test", "-f", "/ok"]);
}

/// Twelve instances become healthy only after the last one answers.
fn health_checks_of_many_instances_do_not_delay_the_last_one(sandbox: &Sandbox) {
    let early = "healthcheck: {test: \"printf x | nc -w 1 zz 8000\", interval: 10s, retries: 4}";
    let early: Vec<String> = (0..12)
        .map(|n| format!("      a{n}: {{template: busybox, command: [sleep, '1000'], {early}}}\n"))
        .collect();
    let last = "      zz: {template: busybox, command: [sh, -c, \"while true; do echo ok | nc -l -p 8000; done\"]}\n";
    sandbox.write(&format!("version: \"1\"\nstacks:\n  STACK:\n    instances:\n{}{last}", early.concat()));
    sandbox.ok(&["up", "--yes"]);
}

fn every_template_with_a_local_image_becomes_ready(sandbox: &Sandbox) {
    let templates = [
        "caddy",
        "mariadb",
        "memcached",
        "mosquitto",
        "nginx",
        "node",
        "php-fpm",
        "postgres",
        "prometheus",
        "python",
        "redis",
    ];
    let instances: Vec<String> =
        templates.iter().map(|name| format!("      {name}: {{template: {name}}}\n")).collect();
    sandbox.write(&format!("version: \"1\"\nstacks:\n  STACK:\n    instances:\n{}", instances.concat()));
    sandbox.ok(&["up", "--yes"]);
    for name in templates {
        let instance = sandbox.instance(&sandbox.stack, name);
        assert_eq!(instance["state"], "running", "{instance}");
        assert_ne!(instance["health"], "unhealthy", "{instance}");
    }
    sandbox.ok(&["plan", "--detailed-exitcode"]);
}

/// The engine's own first check is due in half an hour.
fn a_stack_is_shown_as_healthy_right_after_up(sandbox: &Sandbox) {
    sandbox.write(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
         web: {template: busybox, healthcheck: {test: \"true\", interval: 30m}}\n",
    );
    let up = sandbox.ok(&["up", "--yes"]);
    assert!(up.stdout.contains("running  healthy"), "{up}");
    let instance = sandbox.instance(&sandbox.stack, "web");
    assert_eq!(instance["health"], "healthy", "{instance}");
    assert!(instance["waiting"].is_null() && instance["checked_at"].is_string(), "{instance}");
    sandbox.ok(&["restart", "/web"]);
    assert_eq!(sandbox.instance(&sandbox.stack, "web")["health"], "healthy", "the restart has waited for it");
    let id = sandbox.instance(&sandbox.stack, "web")["container"].as_str().unwrap().to_owned();
    let restart = format!("/containers/{id}/restart?t=0");
    sandbox.wait(devarch_testkit::outside::call(&sandbox.endpoint(), "POST", &restart));
    let instance = sandbox.instance(&sandbox.stack, "web");
    assert_eq!(
        instance["health"], "starting",
        "it was not checked since another process restarted it: {instance}"
    );
}
