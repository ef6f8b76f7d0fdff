//! A command held at work for as long as a test likes: what it waits for becomes healthy when the test says so.

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

/// Two instances: one is ready when `/tmp/go` is there, the other waits for it.
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

/// How long anything here may take at most.
const MINUTE: Duration = Duration::from_mins(1);

/// A command at work, what it says being read; it is killed with this.
pub(crate) struct Held<'w> {
    sandbox: &'w Sandbox,
    child: Child,
    said: String,
    more: BufReader<ChildStderr>,
}

/// Who does it, as everything shows it: the program is told no user's name.
pub(crate) fn author() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("uid {}@{host}", rustix::process::getuid().as_raw())
}

impl Sandbox {
    /// The full name of an instance's container.
    pub(crate) fn container(&self, instance: &str) -> String {
        format!("devarch-{}-{instance}", self.stack)
    }

    /// What the engine itself says to a request without a body.
    pub(crate) fn api(&self, method: &str, path: &str) -> Value {
        self.wait(outside::call(&self.endpoint(), method, path))
    }

    /// What the engine itself says of an instance's container; null where there is none.
    pub(crate) fn inspect(&self, instance: &str) -> Value {
        self.api("GET", &format!("/containers/{}/json", self.container(instance)))
    }

    /// The id of an instance's container; empty where there is none.
    pub(crate) fn id(&self, instance: &str) -> String {
        self.inspect(instance)["Id"].as_str().unwrap_or_default().to_owned()
    }

    /// Runs a line in an instance's container.
    pub(crate) fn sh(&self, instance: &str, line: &str) {
        let id = ContainerId::new(self.id(instance));
        assert_eq!(self.wait(self.fixture().sh(&id, line)).code, 0, "{line}");
    }

    /// Makes the gated instance ready.
    pub(crate) fn open_gate(&self) {
        self.sh("web", "touch /tmp/go");
    }

    /// The gated stack, up, with its gate open.
    pub(crate) fn up_gated(&self) {
        self.define(&GATED.replace("OPEN: \"no\"", "OPEN: \"yes\""));
        self.ok(&["apply", "STACK", "--yes"]);
    }

    /// A plan of the stack, saved; its id.
    pub(crate) fn plan(&self) -> String {
        self.json(&["plan", "STACK"])["id"].as_str().unwrap().to_owned()
    }

    /// Starts a command that waits for the gated instance, and waits until it does.
    pub(crate) fn hold(&self, args: &[&str]) -> Held<'_> {
        self.start(args, "web: wait until it is healthy")
    }

    /// Starts a command, and waits until it says that on standard error.
    pub(crate) fn start(&self, args: &[&str], said: &str) -> Held<'_> {
        self.started(self.command(args), said)
    }

    /// The same of a command that waits for the gated instance, started by `env` with that option: `--default-signal=HUP`
    /// whatever the test's own parent ignores, `--ignore-signal=HUP` as `nohup` does.
    pub(crate) fn hold_with(&self, option: &str, args: &[&str]) -> Held<'_> {
        let inner = self.command(args);
        #[expect(clippy::disallowed_methods, reason = "what starts the program under test")]
        let mut command = Command::new("/usr/bin/env");
        command.env_clear().arg(option).arg(inner.get_program()).args(inner.get_args()).stdin(Stdio::null());
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.started(command.current_dir(inner.get_current_dir().unwrap()), "web: wait until it is healthy")
    }

    fn started(&self, mut command: impl BorrowMut<Command>, said: &str) -> Held<'_> {
        let command = command.borrow_mut();
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let more = BufReader::new(child.stderr.take().unwrap());
        let mut held = Held { sandbox: self, child, said: String::new(), more };
        while !held.said.contains(said) {
            let read = held.more.read_line(&mut held.said).unwrap();
            assert_ne!(read, 0, "{command:?} never said {said:?}:\n{}", held.said);
        }
        held
    }

    /// Looks until something is so.
    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < MINUTE, "it did not come about that {what} ({})", self.stack);
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Held<'_> {
    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its own end.
    pub(crate) fn end(mut self) -> Ran {
        self.more.read_to_string(&mut self.said).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        let stderr = self.said.replace(&self.sandbox.stack, "STACK");
        Ran { code, stdout: String::new(), stderr }
    }

    /// Waits for its end after Ctrl-C.
    pub(crate) fn interrupt(self) -> Ran {
        self.signal(Signal::INT);
        self.end()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, it: Signal) {
        signal(&self.child, it);
    }

    /// Kills it as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
