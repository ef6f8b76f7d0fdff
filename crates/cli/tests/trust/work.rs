//! Commands that wait for a health check until the test opens its gate.

use crate::common::{Ran, Sandbox, signal};
use devarch_core::id::ContainerId;
use devarch_testkit::outside;
use rustix::process::Signal;
use serde_json::Value;
use std::{
    borrow::BorrowMut,
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStderr, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// `web` becomes healthy when `/tmp/go` exists, and `late` depends on it.
pub(crate) const GATED: &str = r#"version: "1"
stacks:
  STACK:
    instances:
      web:
        template: busybox
        command: [sh, -c, "trap 'exit 0' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 1000 & wait"]
        environment: {OPEN: "no"}
        healthcheck: {test: "test -f /tmp/go", interval: 60s, start_period: 300s}
      late: {template: busybox, depends_on: [web]}
"#;

/// Time limit for every wait.
const MINUTE: Duration = Duration::from_mins(1);

/// A running command and its standard error; killed on drop.
pub(crate) struct Held<'w> {
    sandbox: &'w Sandbox,
    child: Child,
    output: String,
    more: BufReader<ChildStderr>,
}

/// The author of applies and locks; the program has no variable with a user name.
pub(crate) fn author() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("uid {}@{host}", rustix::process::getuid().as_raw())
}

impl Sandbox {
    /// The name of an instance's container.
    pub(crate) fn container(&self, instance: &str) -> String {
        format!("devarch-{}-{instance}", self.stack)
    }

    /// Sends a request without a body to the engine.
    pub(crate) fn api(&self, method: &str, path: &str) -> Value {
        self.wait(outside::call(&self.endpoint(), method, path))
    }

    /// The engine's description of an instance's container; null if it does not exist.
    pub(crate) fn inspect(&self, instance: &str) -> Value {
        self.api("GET", &format!("/containers/{}/json", self.container(instance)))
    }

    /// The id of an instance's container; empty if it does not exist.
    pub(crate) fn id(&self, instance: &str) -> String {
        self.inspect(instance)["Id"].as_str().unwrap_or_default().to_owned()
    }

    /// Runs a shell command in an instance's container.
    pub(crate) fn sh(&self, instance: &str, line: &str) {
        let id = ContainerId::new(self.id(instance));
        assert_eq!(self.wait(self.fixture().sh(&id, line)).code, 0, "{line}");
    }

    /// Makes the gated instance healthy.
    pub(crate) fn open_gate(&self) {
        self.sh("web", "touch /tmp/go");
    }

    /// Brings the gated stack up with its gate open.
    pub(crate) fn up_gated(&self) {
        self.define(&GATED.replace("OPEN: \"no\"", "OPEN: \"yes\""));
        self.ok(&["apply", "STACK", "--yes"]);
    }

    /// Saves a plan of the stack; returns its id.
    pub(crate) fn plan(&self) -> String {
        self.json(&["plan", "STACK"])["id"].as_str().unwrap().to_owned()
    }

    /// Starts a command and waits until it waits for the gated instance.
    pub(crate) fn hold(&self, args: &[&str]) -> Held<'_> {
        self.start(args, "web: wait until it is healthy")
    }

    /// Starts a command and waits until its standard error contains `output`.
    pub(crate) fn start(&self, args: &[&str], output: &str) -> Held<'_> {
        self.started(self.command(args), output)
    }

    /// Like `hold`, started by `env` with an option: `--default-signal=HUP` to be independent of the test's parent,
    /// or `--ignore-signal=HUP` as `nohup` does.
    pub(crate) fn hold_with(&self, option: &str, args: &[&str]) -> Held<'_> {
        let inner = self.command(args);
        #[expect(clippy::disallowed_methods, reason = "what starts the program under test")]
        let mut command = Command::new("/usr/bin/env");
        command.env_clear().arg(option).arg(inner.get_program()).args(inner.get_args()).stdin(Stdio::null());
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.started(command.current_dir(inner.get_current_dir().unwrap()), "web: wait until it is healthy")
    }

    fn started(&self, mut command: impl BorrowMut<Command>, output: &str) -> Held<'_> {
        let command = command.borrow_mut();
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let more = BufReader::new(child.stderr.take().unwrap());
        let mut held = Held { sandbox: self, child, output: String::new(), more };
        while !held.output.contains(output) {
            let read = held.more.read_line(&mut held.output).unwrap();
            assert_ne!(read, 0, "{command:?} never printed {output:?}:\n{}", held.output);
        }
        held
    }

    /// Waits until a condition is true.
    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < MINUTE, "timed out waiting until {what} ({})", self.stack);
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Held<'_> {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the command's exit.
    pub(crate) fn end(mut self) -> Ran {
        self.more.read_to_string(&mut self.output).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        let stderr = self.output.replace(&self.sandbox.stack, "STACK");
        Ran { code, stdout: String::new(), stderr }
    }

    /// Sends SIGINT, as Ctrl-C does, and waits for the exit.
    pub(crate) fn interrupt(self) -> Ran {
        self.signal(Signal::INT);
        self.end()
    }

    pub(crate) fn signal(&self, it: Signal) {
        signal(&self.child, it);
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
