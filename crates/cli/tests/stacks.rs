//! Whole stacks on real engines, observed from inside their containers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{
    Ran, World,
    between::{Becomes, Between},
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
    a_failed_replacement_is_mended_by_the_next_apply
    a_container_that_ends_again_and_again_did_not_start
    on_a_busy_machine_what_ends_at_once_did_not_start
    a_predecessor_that_keeps_starting_itself_is_replaced
    edits_that_the_file_undoes_are_shown_without_their_secrets
    ports_and_addresses_survive_down_and_up
    data_of_a_removed_stack_is_not_taken_over_by_accident
    a_volume_in_use_keeps_its_stack_from_being_forgotten
    a_deletion_that_was_killed_can_be_repeated
    what_a_lost_home_left_is_cleared_away_and_its_data_taken_over
    a_copied_home_can_own_nothing_and_keeps_its_secrets
    up_waits_for_what_an_interrupted_up_left_starting
    those_that_are_waited_for_keep_nobody_from_starting
    every_template_whose_image_is_here_becomes_ready
    what_was_brought_up_is_shown_as_healthy_at_once
}

fn with(kind: EngineKind, test: fn(&World)) {
    if let Some(world) = World::on(kind) {
        test(&world);
    }
}

const SERVES: &str =
    r#"["sh", "-c", "trap 'exit 0' TERM; while true; do echo $ANSWER | nc -l -p 8000; done & wait"]"#;

impl World {
    fn instance(&self, stack: &str, instance: &str) -> Value {
        let status = self.json(&["status", stack]);
        let instances = status["stacks"][0]["instances"].as_array().cloned().unwrap_or_default();
        instances.into_iter().find(|found| found["name"] == instance).unwrap_or_default()
    }

    /// What a container of `stack` reads from a host and port, if it gets there.
    fn reads(&self, stack: &str, host: &str) -> Option<String> {
        read(&self.run(&reading(stack, host).each_ref().map(String::as_str)))
    }

    /// The same of what it has to get to.
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

fn an_imported_secret_reaches_its_container_and_no_file(world: &World) {
    let deploy = world.project().join("deploy");
    std::fs::create_dir_all(deploy.join("conf")).unwrap();
    for (name, text) in [
        ("compose.yml", COMPOSE),
        (".env", "\u{feff}API_TOKEN='hunter2 #token'\r\nPLAIN=plain-value # not secret\r\n"),
        ("pw.txt", "hunter2-file"),
        ("conf/x", "conf"),
    ] {
        std::fs::write(deploy.join(name), text).unwrap();
    }
    world.ok(&["init", "--from", "deploy/compose.yml", "--stack", "STACK"]);
    let written = std::fs::read_to_string(world.project().join("devarch.yml")).unwrap();
    assert!(!written.contains("hunter2") && written.contains("${secret:API_TOKEN}"), "{written}");
    assert!(written.contains("plain-value"), "{written}");
    assert_eq!(world.containers(), 0, "nothing was applied");
    world.ok(&["up", "--yes"]);
    let look = "echo $API_TOKEN; cat /run/secrets/pw /conf/x; touch /one/file; ls /two /three";
    let ran = world.ok(&["exec", "-T", "--no-redact", "STACK/web", "--", "sh", "-c", look]);
    assert_eq!(ran.stdout, "hunter2 #token\nhunter2-fileconf/three:\n\n/two:\n", "{ran}");
}

/// Variables, a secret that is a file, volumes whose names differ only in what volume names can't have, and a path.
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

fn a_sensitive_host_path_is_refused_under_any_name_and_one_outside_is_shown(world: &World) {
    let home = world.project().parent().unwrap().to_owned();
    let socket = world.endpoint().trim_start_matches("unix://").to_owned();
    std::fs::write(home.join(".netrc"), "hunter2").unwrap();
    std::fs::create_dir(world.temporary().join("outside")).unwrap();
    std::fs::write(world.temporary().join("outside/x"), "outside").unwrap();
    for (link, to) in [("api", socket.as_str()), ("rc", "../.netrc"), ("here", "../tmp/outside")] {
        std::os::unix::fs::symlink(to, world.project().join(link)).unwrap();
    }
    let write = |field: &str| {
        world.write(&format!(
            "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {{template: busybox, {field}}}\n"
        ));
    };
    for (field, allowance, told) in [
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
        let ran = world.fails(3, &["up", "--yes"]);
        assert!(ran.stderr.contains(&format!("add `allow: [{allowance}]`")), "{field}: {ran}");
        assert!(ran.stderr.contains(told) && ran.stderr.contains("devarch.yml:5:"), "{field}: {ran}");
        assert!(!ran.stderr.contains("hunter2"), "{field}: {ran}");
        world.feed(b"value", &["secret", "set", "A"]);
        let files = ["devarch.db", "devarch.db-wal"].map(|name| std::fs::read(world.home().join(name)));
        for file in files.into_iter().flatten() {
            assert!(!file.windows(7).any(|text| text == b"hunter2"), "{field}: nothing of it is kept");
        }
        assert_eq!(world.containers(), 0, "{field}");
    }
    write("volumes: [\"./here:/data\"], config_files: {/x: {file: ../tmp/outside/x}}");
    let ran = world.ok(&["up", "--yes"]);
    for shown in [
        "      bind $ROOT/project/here -> /data (is $ROOT/tmp/outside)\n",
        "      file $ROOT/tmp/outside/x -> /x\n",
    ] {
        assert!(ran.stderr.contains(shown), "{shown}: {ran}");
    }
    let ran = world.ok(&["exec", "-T", "/web", "--", "cat", "/data/x", "/x"]);
    assert_eq!(ran.stdout, "outsideoutside");
}

fn two_stacks_of_one_template_do_not_reach_each_other(world: &World) {
    let (one, two) = (world.stack.clone(), format!("{}-2", world.stack));
    world.write(&format!(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
         db: {{template: busybox, command: {SERVES}, environment: {{ANSWER: here}}, ports: [8000]}}\n      \
         web: {{template: busybox, depends_on: [db]}}\n"
    ));
    world.ok(&["up", "--yes"]);
    world.ok(&["up", "--yes", "--as", &two]);
    let (first, second) = (world.instance(&one, "db"), world.instance(&two, "db"));
    assert_ne!(first["ports"][0]["host"], second["ports"][0]["host"]);
    for (stack, other, theirs) in [(&one, &two, &second), (&two, &one, &first)] {
        assert_eq!(world.finds(stack, "db").as_deref(), Some("here"), "{stack} reaches its own");
        assert_eq!(world.finds(stack, &format!("devarch-{stack}-db")).as_deref(), Some("here"));
        assert_eq!(world.reads(stack, &format!("devarch-{other}-db")), None, "{stack} finds {other} by name");
        let address = theirs["address"].as_str().unwrap_or("no address");
        assert!(address.starts_with("10."), "{theirs}");
        assert_eq!(world.reads(stack, address), None, "{stack} reaches {other} at {address}");
    }
    world.ok(&["down", &two, "--yes"]);
    assert_eq!(world.finds(&one, "db").as_deref(), Some("here"), "the other stack's end is not noticed");
}

fn a_failed_replacement_is_mended_by_the_next_apply(world: &World) {
    world.write(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {template: busybox, ports: [80]}\n",
    );
    world.ok(&["up", "--yes"]);
    let before = world.instance(&world.stack, "web");
    world.ok(&["set", "/web", "healthcheck={test: \"echo nope; exit 1\", interval: 300ms, retries: 2}"]);
    let failed = world.fails(1, &["apply", "--yes"]);
    assert!(failed.stderr.contains("instance 'web' failed: its health check did not pass"), "{failed}");
    assert!(failed.stderr.contains("nope"), "{failed}");
    world.fails(1, &["apply", "--yes"]);
    assert!(world.ok(&["status"]).stdout.contains("failed: "));
    world.ok(&["unset", "/web", "healthcheck"]);
    let mended = world.ok(&["apply", "--yes"]);
    assert!(!mended.stdout.contains("failed: "), "it is as it should be again: {mended}");
    assert_eq!(world.json(&["history"])[0]["outcome"], "succeeded");
    world.ok(&["plan", "--detailed-exitcode"]);
    let after = world.instance(&world.stack, "web");
    assert_eq!((&after["ports"], &after["address"]), (&before["ports"], &before["address"]));
    let names: Vec<String> =
        world.wait(world.engine().containers()).unwrap().iter().map(|c| c.name.to_string()).collect();
    let ours = names.iter().filter(|name| name.starts_with(&format!("devarch-{}-", world.stack)));
    assert_eq!(ours.count(), 1, "{names:?}");
}

fn a_container_that_ends_again_and_again_did_not_start(world: &World) {
    world.write(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
         web: {template: busybox, restart: always, command: [sh, -c, \"echo no config; exit 3\"]}\n",
    );
    let failed = world.fails(1, &["up", "--yes"]);
    assert!(failed.stderr.contains("instance 'web' failed"), "{failed}");
    assert!(failed.stderr.contains("| no config"), "{failed}");
}

fn on_a_busy_machine_what_ends_at_once_did_not_start(world: &World) {
    world.write(
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
        let ran = world.run(&["up", "--yes"]);
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        ran
    });
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("instance 'web' failed: it exited with code 3"), "{ran}");
}

fn a_predecessor_that_keeps_starting_itself_is_replaced(world: &World) {
    world.write(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
         web: {template: busybox, restart: always, volumes: [\"data:/data\"]}\n",
    );
    world.ok(&["up", "--yes"]);
    world.ok(&["set", "/web", "command=[sh, -c, \"echo one; exit 3\"]"]);
    world.fails(1, &["apply", "--yes"]);
    world.fails(1, &["apply", "--yes"]);
    world.ok(&["unset", "/web", "command"]);
    world.ok(&["apply", "--yes"]);
    world.ok(&["plan", "--detailed-exitcode"]);
}

fn edits_that_the_file_undoes_are_shown_without_their_secrets(world: &World) {
    world.write("version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {template: busybox, environment: {A: \"1\"}}\n");
    world.ok(&["up", "--yes"]);
    world.ok(&["set", "/web", "environment.TOKEN={value: hunter2, secret: true}", "environment.A=2"]);
    let refused = world.fails(5, &["up"]);
    assert!(refused.stderr.contains("! web.environment.A: 2 => 1"), "{refused}");
    assert!(refused.stderr.contains("! web.environment.TOKEN: - [REDACTED]"), "{refused}");
    assert!(!refused.stderr.contains("hunter2") && !refused.stdout.contains("hunter2"), "{refused}");
    assert!(world.ok(&["config", "/web"]).stdout.contains("TOKEN"), "nothing was saved");
    assert!(!refused.stderr.contains("No changes"), "what was never applied is lost all the same: {refused}");
}

fn ports_and_addresses_survive_down_and_up(world: &World) {
    world.write("version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {template: busybox, ports: [80, 53/udp]}\n");
    world.ok(&["up", "--yes"]);
    let before = world.instance(&world.stack, "web");
    world.ok(&["down", "--yes"]);
    world.ok(&["up", "--yes"]);
    let after = world.instance(&world.stack, "web");
    assert_eq!((&after["ports"], &after["address"]), (&before["ports"], &before["address"]));
}

fn data_of_a_removed_stack_is_not_taken_over_by_accident(world: &World) {
    world.write("version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {template: busybox, volumes: [\"data:/data\"]}\n");
    world.ok(&["up", "--yes"]);
    world.ok(&["exec", "-T", "/web", "--", "sh", "-c", "echo precious >/data/x"]);
    world.ok(&["down", "--yes"]);
    world.ok(&["stack", "delete", "STACK", "--yes"]);
    let refused = world.fails(5, &["up", "--yes"]);
    assert!(refused.stderr.contains("--reuse-volumes"), "{refused}");
    world.ok(&["up", "--yes", "--reuse-volumes"]);
    assert_eq!(world.ok(&["exec", "-T", "/web", "--", "cat", "/data/x"]).stdout, "precious\n");
    world.ok(&["plan", "--detailed-exitcode"]);
    // What was taken over once is not asked for again.
    world.ok(&["down", "--yes"]);
    world.ok(&["up", "--yes"]);
    assert_eq!(world.ok(&["exec", "-T", "/web", "--", "cat", "/data/x"]).stdout, "precious\n");
}

const TWO_VOLUMES: &str = "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
     web: {template: busybox, volumes: [\"data:/data\", \"more:/more\"]}\n";

impl World {
    /// A stack that is down, with two volumes.
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

fn a_volume_in_use_keeps_its_stack_from_being_forgotten(world: &World) {
    world.with_two_volumes();
    let mut request = world.fixture().request("reader", &RUNS);
    let volume = PhysicalVolume::from_stored(format!("devarch-{}-web-more", world.stack));
    request.spec.mounts.push(mounted(&volume, "/data"));
    let reader = world.wait(world.fixture().run(&request));
    let refused = world.fails(5, &["stack", "delete", "STACK", "--volumes", "--yes"]);
    let words = format!("volume devarch-STACK-web-more is in use by container {}", request.name);
    assert!(refused.stderr.contains(&words) && !refused.stderr.contains("doctor"), "{refused}");
    assert_eq!(world.volumes().len(), 2, "nothing was deleted");
    world.ok(&["config", "STACK/web"]);
    assert_eq!(world.json(&["history", "STACK"]).as_array().unwrap().len(), 2);
    world.wait(async {
        world.fixture().stop(&reader).await;
        world.engine().remove_container(&reader).await.unwrap();
    });
    world.ok(&["stack", "delete", "STACK", "--volumes", "--yes"]);
    assert_eq!(world.volumes(), Vec::<String>::new());
    world.fails(4, &["config", "STACK/web"]);
}

/// Holds the second removal of a volume.
fn second_removal(asked: &str) -> Becomes {
    let second = asked.starts_with("DELETE") && asked.contains("/volumes/") && asked.contains("-web-more");
    if second { Becomes::Held } else { Becomes::Passed }
}

fn a_deletion_that_was_killed_can_be_repeated(world: &World) {
    world.with_two_volumes();
    let between = Between::new(&world.endpoint(), second_removal);
    let args = ["stack", "delete", "STACK", "--volumes", "--yes"];
    let mut child = world.command_at(&between.endpoint(), &args).spawn().unwrap();
    between.await_held();
    signal(&child, Signal::KILL);
    child.wait().unwrap();
    assert_eq!(world.volumes().len(), 1);
    world.ok(&["config", "STACK/web"]);
    let deleted = world.json(&args);
    assert_eq!(deleted["deleted_volumes"], serde_json::json!(["devarch-STACK-web-more"]), "{deleted}");
    assert_eq!(world.volumes(), Vec::<String>::new());
    assert!(world.ok(&["stack", "list"]).stdout.contains("no stacks yet"));
    // Nothing of it is remembered either.
    world.write(TWO_VOLUMES);
    world.ok(&["up", "--yes"]);
}

fn what_a_lost_home_left_is_cleared_away_and_its_data_taken_over(world: &World) {
    world.write("version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {template: busybox, volumes: [\"data:/data\"]}\n");
    world.ok(&["up", "--yes"]);
    world.ok(&["exec", "-T", "/web", "--", "sh", "-c", "echo precious >/data/x"]);
    std::fs::rename(world.home(), world.home().with_extension("lost")).unwrap();
    let refused = world.fails(5, &["up", "--yes", "--adopt-volumes"]);
    assert!(refused.stderr.contains("if that home is lost, `devarch adopt STACK` clears away"), "{refused}");
    assert!(world.run(&["doctor"]).stdout.contains("another home's or user's"));
    let row = |line: &str| line.starts_with("STACK ") && line.contains(" 1 ");
    assert!(world.ok(&["adopt"]).stdout.lines().any(row), "{}", world.ok(&["adopt"]));
    assert!(world.fails(4, &["adopt", "nothing"]).stderr.contains("no other home has objects"));
    let asked = world.fails(5, &["adopt", "STACK"]);
    assert!(asked.stderr.contains("-   container devarch-STACK-web  will be removed"), "{asked}");
    assert!(asked.stderr.contains("volume devarch-STACK-web-data  will be kept"), "{asked}");
    let containers = |world: &World| {
        let all = world.wait(world.engine().containers()).unwrap();
        all.iter().filter(|one| one.name.as_str().starts_with(&format!("devarch-{}-", world.stack))).count()
    };
    assert_eq!(containers(world), 1, "nobody has agreed to anything");
    let runs = world.fails(5, &["adopt", "STACK", "--yes"]);
    assert!(runs.stderr.contains("`--yes` does not confirm"), "{runs}");
    assert_eq!(containers(world), 1, "what runs is not taken from another home unasked");
    let all = world.wait(world.engine().containers()).unwrap();
    let name = format!("devarch-{}-web", world.stack);
    let web = all.iter().find(|container| container.name.as_str() == name).unwrap();
    world.wait(world.fixture().stop(&web.id));
    world.ok(&["adopt", "STACK", "--yes"]);
    assert_eq!(containers(world), 0);
    let refused = world.fails(5, &["up", "--yes", "--reuse-volumes"]);
    assert!(
        refused.stderr.contains("if that home is lost, --adopt-volumes takes over its data"),
        "{refused}"
    );
    world.ok(&["up", "--yes", "--adopt-volumes"]);
    assert_eq!(world.ok(&["exec", "-T", "/web", "--", "cat", "/data/x"]).stdout, "precious\n");
    // What was taken over once is not asked for again, and is deleted like one's own.
    world.ok(&["plan", "--detailed-exitcode"]);
    world.ok(&["down", "--yes"]);
    world.ok(&["up", "--yes"]);
    world.ok(&["down", "--yes"]);
    let deleted = world.json(&["stack", "delete", "STACK", "--volumes", "--yes"]);
    assert_eq!(deleted["kept_volumes"], serde_json::json!([]), "{deleted}");
    let volume = format!("devarch-{}-web-data", world.stack);
    assert!(!world.wait(world.engine().volumes()).unwrap().contains_key(&volume));
}

fn a_copied_home_can_own_nothing_and_keeps_its_secrets(world: &World) {
    world.write(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
         web: {template: busybox, ports: [80], environment: {MADE: {generate: 20}}}\n",
    );
    world.ok(&["up", "--yes"]);
    let made =
        |stack: &str| world.ok(&["exec", "-T", "--no-redact", stack, "--", "sh", "-c", "echo $MADE"]).stdout;
    let (first, port) = (made("STACK/web"), world.instance("STACK", "web")["ports"][0]["host"].clone());
    let copy = world.home().with_extension("copy");
    std::fs::create_dir(&copy).unwrap();
    for file in std::fs::read_dir(world.home()).unwrap().flatten().filter(|file| file.path().is_file()) {
        std::fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    let (kept, own) = (world.home().with_extension("kept"), world.home());
    std::fs::rename(&own, &kept).unwrap();
    std::fs::rename(&copy, &own).unwrap();
    assert_eq!(world.run(&["doctor", "--new-store-id"]).code, 5, "it asks");
    world.ok(&["doctor", "--new-store-id", "--yes"]);
    assert_eq!(world.instance("STACK", "web")["state"], Value::Null, "it owns nothing");
    assert_ne!(world.run(&["up", "--yes"]).code, 0, "the name is the other home's");
    world.ok(&["stack", "rename", "STACK", "STACK-copy"]);
    world.ok(&["up", "STACK-copy", "--yes"]);
    assert_eq!(made("STACK-copy/web"), first, "secrets stay");
    assert_ne!(world.instance("STACK-copy", "web")["ports"][0]["host"], port, "ports are its own");
    world.ok(&["down", "STACK-copy", "--yes"]);
    std::fs::rename(&own, &copy).unwrap();
    std::fs::rename(&kept, &own).unwrap();
    world.ok(&["plan", "STACK", "--detailed-exitcode"]);
    assert_eq!(world.instance("STACK", "web")["state"], "running");
}

fn up_waits_for_what_an_interrupted_up_left_starting(world: &World) {
    world.write(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
         web: {template: busybox, command: [sh, -c, \"sleep 3; touch /ok; sleep 1000\"], \
         healthcheck: {test: \"test -f /ok\", interval: 30s, start_period: 30s}}\n",
    );
    let mut child = world.command(&["up", "--yes"]).spawn().unwrap();
    let name = format!("devarch-{}-web", world.stack);
    let runs = || {
        let all = world.wait(world.engine().containers()).unwrap();
        all.iter().any(|container| container.name.as_str() == name && container.state == RunState::Running)
    };
    while !runs() {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    world.ok(&["up", "--yes"]);
    world.ok(&["exec", "-T", "/web", "--", "test", "-f", "/ok"]);
}

/// A dozen are healthy only once the last one answers.
fn those_that_are_waited_for_keep_nobody_from_starting(world: &World) {
    let early = "healthcheck: {test: \"printf x | nc -w 1 zz 8000\", interval: 10s, retries: 4}";
    let early: Vec<String> = (0..12)
        .map(|n| format!("      a{n}: {{template: busybox, command: [sleep, '1000'], {early}}}\n"))
        .collect();
    let last = "      zz: {template: busybox, command: [sh, -c, \"while true; do echo ok | nc -l -p 8000; done\"]}\n";
    world.write(&format!("version: \"1\"\nstacks:\n  STACK:\n    instances:\n{}{last}", early.concat()));
    world.ok(&["up", "--yes"]);
}

fn every_template_whose_image_is_here_becomes_ready(world: &World) {
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
    world.write(&format!("version: \"1\"\nstacks:\n  STACK:\n    instances:\n{}", instances.concat()));
    world.ok(&["up", "--yes"]);
    for name in templates {
        let instance = world.instance(&world.stack, name);
        assert_eq!(instance["state"], "running", "{instance}");
        assert_ne!(instance["health"], "unhealthy", "{instance}");
    }
    world.ok(&["plan", "--detailed-exitcode"]);
}

/// The engine's own first check is due in half an hour.
fn what_was_brought_up_is_shown_as_healthy_at_once(world: &World) {
    world.write(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
         web: {template: busybox, healthcheck: {test: \"true\", interval: 30m}}\n",
    );
    let up = world.ok(&["up", "--yes"]);
    assert!(up.stdout.contains("running  healthy"), "{up}");
    let instance = world.instance(&world.stack, "web");
    assert_eq!(instance["health"], "healthy", "{instance}");
    assert!(instance["waiting"].is_null() && instance["checked_at"].is_string(), "{instance}");
    world.ok(&["restart", "/web"]);
    assert_eq!(world.instance(&world.stack, "web")["health"], "healthy", "the restart has waited for it");
    let id = world.instance(&world.stack, "web")["container"].as_str().unwrap().to_owned();
    let restart = format!("/containers/{id}/restart?t=0");
    world.wait(devarch_testkit::outside::call(&world.endpoint(), "POST", &restart));
    let instance = world.instance(&world.stack, "web");
    assert_eq!(
        instance["health"], "starting",
        "since somebody else restarted it nobody has checked: {instance}"
    );
}
