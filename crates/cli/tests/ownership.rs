//! Objects on real engines that look like a stack's own but are not are left unchanged by every command.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::Sandbox;
use devarch_core::{
    engine::EngineKind,
    id::ContainerId,
    name::{ContainerName, NetworkName, PhysicalVolume},
    observed::RunState,
    spec::NetworkSpec,
};
use devarch_testkit::outside;
use serde_json::{Value, json};
use std::{
    fs,
    path::PathBuf,
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
    containers_of_a_committed_image_are_left_alone_by_every_command
    an_unowned_container_with_an_instances_name_is_left_alone
    networks_and_volumes_with_copied_labels_are_left_alone
    a_container_renamed_by_hand_still_belongs_to_the_stack
    objects_unknown_to_an_older_copy_of_the_store_are_left_alone
    a_stack_of_the_same_name_in_another_home_is_left_alone
}

fn with(kind: EngineKind, test: fn(&Sandbox)) {
    if let Some(sandbox) = Sandbox::on(kind) {
        test(&sandbox);
    }
}

/// Written by the user into an unowned container.
const MARK: &str = "written by its owner";

/// A container that does not belong to the stack.
struct Unowned {
    id: ContainerId,
    name: String,
}

fn shop(mark: &str, check: &str) -> String {
    format!(
        r#"
version: "1"
stacks:
  STACK:
    instances:
      db:
        template: busybox
        command: [sh, -c, "trap 'exit 0' TERM; sleep 1000 & wait"]
        environment: {{MARK: "{mark}"}}
        volumes: ["data:/data"]
        healthcheck: {{test: "{check}", interval: 1s}}
"#
    )
}

impl Sandbox {
    fn own(&self, what: &str) -> String {
        format!("devarch-{}-{what}", self.stack)
    }

    /// The id of an instance's container.
    fn id(&self, instance: &str) -> ContainerId {
        let name = self.own(instance);
        let all = self.wait(self.engine().containers()).unwrap();
        all.into_iter().find(|container| container.name.as_str() == name).unwrap().id
    }

    /// Commits a container of the stack; the image inherits the container's labels.
    fn commit(&self, container: &str) -> String {
        let image = self.own("mine");
        let path = format!("/commit?container={container}&repo={image}&tag=1");
        self.wait(outside::send(&self.endpoint(), ("POST", &path), ("json", b"{}")));
        format!("{image}:1")
    }

    /// Runs an image as an unowned container and marks it.
    fn run_unowned(&self, image: &str, name: &str) -> Unowned {
        let line = format!("echo '{MARK}' > /mark; trap 'exit 0' TERM; sleep 1000 & wait");
        let body = json!({"Image": image, "Entrypoint": ["sh", "-c", line], "Cmd": [], "Healthcheck": {"Test": ["NONE"]}});
        let path = format!("/containers/create?name={name}");
        let created: Value = self.wait(outside::send(
            &self.endpoint(),
            ("POST", &path),
            ("json", body.to_string().as_bytes()),
        ));
        let id = ContainerId::new(created["Id"].as_str().unwrap());
        self.wait(self.engine().start(&id)).unwrap();
        Unowned { id, name: name.to_owned() }
    }

    /// Marks an existing container and treats it as unowned.
    fn mark_unowned(&self, name: &str) -> Unowned {
        let all = self.wait(self.engine().containers()).unwrap();
        let id = all.into_iter().find(|container| container.name.as_str() == name).unwrap().id;
        self.wait(self.fixture().sh(&id, &format!("echo '{MARK}' > /mark")));
        Unowned { id, name: name.to_owned() }
    }

    fn assert_untouched(&self, unowned: &Unowned, after: &str) {
        let all = self.wait(self.engine().containers()).unwrap();
        let found = all.iter().find(|container| container.id == unowned.id);
        let found = found.unwrap_or_else(|| panic!("{} is gone after {after}", unowned.name));
        assert_eq!(found.name.as_str(), unowned.name, "after {after}");
        assert_eq!(found.state, RunState::Running, "{} after {after}", unowned.name);
        let mark = self.wait(self.fixture().sh(&unowned.id, "cat /mark")).stdout;
        assert_eq!(mark.trim(), MARK, "{} after {after}", unowned.name);
    }

    /// Runs every command that changes a stack and calls `check` after each. Some fail because a name is taken.
    fn walk(&self, check: &dyn Fn(&str)) {
        let run = |args: &[&str]| {
            self.run(args);
            check(&args.join(" "));
        };
        self.write(&shop("1", "true"));
        run(&["up", "--yes"]);
        run(&["plan", &self.stack]);
        run(&["stop", &self.stack, "--yes"]);
        run(&["start", &self.stack, "--yes"]);
        run(&["rollback", &self.stack, "--yes"]);
        self.kill_during_up();
        check("kill -9");
        run(&["apply", &self.stack, "--undo", "--yes"]);
        run(&["stack", "rename", &self.stack, &format!("{}-2", self.stack)]);
        let renamed = format!("{}-2", self.stack);
        run(&["apply", &renamed, "--yes"]);
        run(&["down", &renamed, "--yes"]);
        run(&["stack", "delete", &renamed, "--yes"]);
    }

    /// Kills an `up` while it waits for a health check that never passes.
    fn kill_during_up(&self) {
        self.write(&shop("2", "false"));
        let mut up =
            self.command(&["up", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        let old = format!("{}.old", self.own("db"));
        let replaced = || {
            let all = self.wait(self.engine().containers()).unwrap();
            all.iter().any(|container| {
                container.name.as_str().starts_with(&old) && container.state != RunState::Running
            })
        };
        while begun.elapsed() < Duration::from_secs(10) && up.try_wait().unwrap().is_none() && !replaced() {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = up.kill();
        up.wait().unwrap();
    }
}

fn containers_of_a_committed_image_are_left_alone_by_every_command(sandbox: &Sandbox) {
    sandbox.write(&shop("0", "true"));
    sandbox.ok(&["up", "--yes"]);
    let image = sandbox.commit(sandbox.id("db").as_str());
    let names = [format!("mine-{}", sandbox.stack), sandbox.own("db.next"), sandbox.own("db.old7")];
    let unowned = names.map(|name| sandbox.run_unowned(&image, &name));
    let plan = sandbox.ok(&["plan", &sandbox.stack]);
    assert!(plan.to_string().contains("mine-STACK"), "the plan names it: {plan}");
    let status = sandbox.ok(&["status", &sandbox.stack]);
    assert!(status.stdout.contains("mine-STACK"), "the status names it: {status}");
    sandbox.walk(&|after| unowned.iter().for_each(|it| sandbox.assert_untouched(it, after)));
    assert_eq!(sandbox.containers(), 2, "only the two with names like the stack's are left");
}

fn an_unowned_container_with_an_instances_name_is_left_alone(sandbox: &Sandbox) {
    sandbox.write(&shop("0", "true"));
    sandbox.ok(&["up", "--yes"]);
    let own = sandbox.id("db");
    let image = sandbox.commit(own.as_str());
    sandbox.wait(sandbox.fixture().stop(&own));
    sandbox.wait(sandbox.engine().remove_container(&own)).unwrap();
    let unowned = sandbox.run_unowned(&image, &sandbox.own("db"));
    let refused = sandbox.fails(5, &["up", "--yes"]);
    assert!(refused.stderr.contains("does not remember creating it"), "{refused}");
    assert!(refused.stderr.contains("devarch adopt STACK"), "{refused}");
    sandbox.walk(&|after| sandbox.assert_untouched(&unowned, after));
}

fn networks_and_volumes_with_copied_labels_are_left_alone(sandbox: &Sandbox) {
    sandbox.write(&shop("0", "true"));
    sandbox.ok(&["up", "--yes"]);
    let engine = sandbox.engine();
    let networks = sandbox.wait(engine.networks()).unwrap();
    let labels = networks.iter().find(|network| network.name == sandbox.own("net")).unwrap().labels.clone();
    let spec = NetworkSpec::of_stack(
        NetworkName::from_stored(format!("mine-{}", sandbox.stack)),
        sandbox.fixture().scope.subnet(3),
    );
    let network = sandbox.wait(engine.create_network(&spec, &labels)).unwrap();
    let volume = PhysicalVolume::from_stored(format!("mine-{}", sandbox.stack));
    let labels = sandbox.wait(engine.volumes()).unwrap().remove(&sandbox.own("db-data")).unwrap();
    sandbox.wait(engine.create_volume(&volume, &labels)).unwrap();
    sandbox.walk(&|after| {
        let there = sandbox.wait(engine.networks()).unwrap();
        assert!(there.iter().any(|other| other.id == network), "the network is gone after {after}");
        let there = sandbox.wait(engine.volumes()).unwrap();
        assert!(there.contains_key(volume.as_str()), "the volume is gone after {after}");
    });
}

/// The container is identified by its id: it is renamed, not recreated.
fn a_container_renamed_by_hand_still_belongs_to_the_stack(sandbox: &Sandbox) {
    sandbox.write(&shop("0", "true"));
    sandbox.ok(&["up", "--yes"]);
    let own = sandbox.mark_unowned(&sandbox.own("db"));
    for by_hand in [format!("mine-{}", sandbox.stack), sandbox.own("db.old")] {
        let name = ContainerName::from_stored(by_hand.clone());
        sandbox.wait(sandbox.engine().rename(&own.id, &name)).unwrap();
        let status = sandbox.ok(&["status", &sandbox.stack]);
        assert!(!status.to_string().contains("does not remember"), "{status}");
        sandbox.ok(&["stop", &sandbox.stack, "--yes"]);
        sandbox.ok(&["start", &sandbox.stack, "--yes"]);
        if by_hand.starts_with("mine") {
            sandbox.assert_untouched(&own, &format!("it was called {by_hand}"));
        }
    }
    sandbox.ok(&["down", "--yes"]);
    assert_eq!(sandbox.containers(), 0, "whatever it is called it goes with its stack");
}

fn objects_unknown_to_an_older_copy_of_the_store_are_left_alone(sandbox: &Sandbox) {
    sandbox.write(&shop("0", "true"));
    sandbox.ok(&["up", "--yes"]);
    sandbox.ok(&["down", "--yes"]);
    let copy = database(sandbox);
    sandbox.ok(&["up", "--yes"]);
    let unowned = sandbox.mark_unowned(&sandbox.own("db"));
    for (path, _) in database(sandbox) {
        fs::remove_file(path).unwrap();
    }
    for (path, bytes) in copy {
        fs::write(path, bytes).unwrap();
    }
    let refused = sandbox.fails(5, &["up", "--yes"]);
    assert!(refused.stderr.contains("does not remember creating it"), "{refused}");
    sandbox.walk(&|after| sandbox.assert_untouched(&unowned, after));
}

/// The database files; no process has them open.
fn database(sandbox: &Sandbox) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(sandbox.home()).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.to_string_lossy().contains("devarch.db"));
    files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn a_stack_of_the_same_name_in_another_home_is_left_alone(sandbox: &Sandbox) {
    sandbox.write(&shop("0", "true"));
    sandbox.ok(&["up", "--yes"]);
    let own = sandbox.mark_unowned(&sandbox.own("db"));
    let mut other = Sandbox::on(sandbox.engine().info().kind).unwrap();
    other.stack.clone_from(&sandbox.stack);
    other.write(&shop("0", "true"));
    let refused = other.run(&["up", "--yes"]);
    assert_ne!(refused.code, 0, "{refused}");
    assert!(refused.stderr.contains("of another DevArch home"), "{refused}");
    other.walk(&|after| sandbox.assert_untouched(&own, after));
    let plan = sandbox.ok(&["plan", &sandbox.stack]);
    assert!(plan.to_string().contains("No changes"), "{plan}");
}
