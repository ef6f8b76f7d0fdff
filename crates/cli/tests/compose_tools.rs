//! A written Compose file runs unmodified with Docker Compose and podman-compose.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::Sandbox;
use devarch_core::{engine::EngineKind, id::ContainerId};
use devarch_testkit::{outside, real};
use serde_json::Value;
use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

mod docker {
    #[test]
    fn an_exported_compose_file_creates_the_same_containers() {
        super::with(super::EngineKind::Docker);
    }
}

mod podman {
    #[test]
    fn an_exported_compose_file_creates_the_same_containers() {
        super::with(super::EngineKind::Podman);
    }
}

fn with(kind: EngineKind) {
    let Some(program) = real::compose(kind) else { return };
    if let Some(sandbox) = Sandbox::on(kind) {
        an_exported_compose_file_creates_the_same_containers(&sandbox, program);
    }
}

const STACK: &str = r#"
version: "1"
stacks:
  STACK:
    instances:
      db:
        template: busybox
        command: ["sh", "-c", "trap 'exit 0' TERM; [ -e /data/file ] || date +%s%N >/data/file; sleep 1000 & wait"]
        volumes: ["data:/data"]
        healthcheck: { test: ["CMD-SHELL", "test -e /data/file"], interval: 2s, timeout: 5s, retries: 3 }
      web:
        template: busybox
        command: ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]
        user: "1000:1000"
        hostname: front
        working_dir: /tmp
        environment: { PLAIN: "a $b", TOKEN: { value: "it's a secret", secret: true } }
        labels: { team: blue }
        ports: ["80"]
        depends_on: [db]
        cap_drop: [ALL]
        stop_grace_period: 1s
        resources: { limits: { memory: 64m, pids: 50 } }
        config_files:
          /etc/plain: { content: "plain\n", mode: "0644" }
"#;

/// A project run by a Compose program; taken down on drop.
struct Project<'a> {
    sandbox: &'a Sandbox,
    program: PathBuf,
    directory: PathBuf,
}

impl Project<'_> {
    fn run(&self, args: &[&str]) -> String {
        #[expect(clippy::disallowed_methods, reason = "the program that takes over")]
        let mut command = Command::new(&self.program);
        let endpoint = self.sandbox.endpoint();
        command.env("DOCKER_HOST", &endpoint).env("CONTAINER_HOST", &endpoint).current_dir(&self.directory);
        let output = command.args(args).stdin(Stdio::null()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() || std::thread::panicking(), "{args:?}: {stderr}");
        stderr
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        self.run(&["down", "-t", "1"]);
    }
}

impl Sandbox {
    fn inspected(&self, instance: &str) -> Value {
        let path = format!("/containers/devarch-{}-{instance}/json", self.stack);
        self.wait(outside::get(&self.endpoint(), &path))
    }

    /// The container's settings, without values that differ between containers of the same definition.
    fn fields(&self, instance: &str) -> Vec<(&'static str, Value)> {
        let inspected = self.inspected(instance);
        let mut fields: Vec<(&str, Value)> = FIELDS
            .iter()
            .map(|pointer| (*pointer, sorted(inspected.pointer(pointer).cloned().unwrap_or(Value::Null))))
            .collect();
        // podman-compose applies the grace period when it stops a container, but does not store it.
        if self.engine().info().kind == EngineKind::Docker {
            fields.push(("StopTimeout", inspected["Config"]["StopTimeout"].clone()));
        }
        let mounts = inspected["Mounts"].as_array().into_iter().flatten();
        let volumes = mounts.filter(|mount| mount["Type"] == "volume");
        let volumes = volumes.map(|mount| format!("{} at {}", mount["Name"], mount["Destination"]));
        fields.push(("volumes", volumes.collect::<Vec<_>>().into()));
        fields.push(("team", inspected["Config"]["Labels"]["team"].clone()));
        fields
    }

    fn output_of(&self, instance: &str, line: &str) -> String {
        let id = ContainerId::new(self.inspected(instance)["Id"].as_str().unwrap());
        self.wait(self.fixture().sh(&id, line)).stdout
    }
}

const FIELDS: [&str; 18] = [
    "/Config/Image",
    "/Config/Env",
    "/Config/Cmd",
    "/Config/Entrypoint",
    "/Config/User",
    "/Config/WorkingDir",
    "/Config/Hostname",
    "/Config/Healthcheck",
    "/Config/StopSignal",
    "/HostConfig/PortBindings",
    "/HostConfig/RestartPolicy",
    "/HostConfig/CapAdd",
    "/HostConfig/CapDrop",
    "/HostConfig/Memory",
    "/HostConfig/PidsLimit",
    "/HostConfig/ReadonlyRootfs",
    "/HostConfig/Privileged",
    "/HostConfig/Tmpfs",
];

/// Sorts lists, and treats empty values as absent.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(mut items) => {
            items.sort_by_key(ToString::to_string);
            if items.is_empty() { Value::Null } else { items.into() }
        }
        Value::Object(fields) if fields.is_empty() => Value::Null,
        other => other,
    }
}

fn an_exported_compose_file_creates_the_same_containers(sandbox: &Sandbox, program: PathBuf) {
    sandbox.write(STACK);
    sandbox.ok(&["up", "--yes"]);
    let ours = ["db", "web"].map(|instance| sandbox.fields(instance));
    let data = sandbox.output_of("db", "cat /data/file");
    sandbox.ok(&["compose", "--dir", "out", "--secrets"]);
    sandbox.ok(&["down", "--yes"]);

    let project = Project { sandbox, program, directory: sandbox.project().join("out") };
    project.run(&["config"]);
    project.run(&["up", "-d"]);
    for (instance, ours) in ["db", "web"].into_iter().zip(ours) {
        for (ours, theirs) in ours.into_iter().zip(sandbox.fields(instance)) {
            assert_eq!(ours, theirs, "{instance}");
        }
    }
    assert_eq!(sandbox.output_of("db", "cat /data/file"), data, "the volume is the same");
    assert_eq!(sandbox.output_of("web", "cat /etc/plain; echo \"$TOKEN\""), "plain\nit's a secret\n");
    let found =
        "for _ in 1 2 3 4 5 6; do timeout 3 nslookup db >/dev/null 2>&1 && echo found && exit; sleep 1; done";
    assert_eq!(sandbox.output_of("web", found), "found\n");
}
