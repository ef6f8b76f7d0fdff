//! The applies that are disturbed.

use crate::{common::Sandbox, picture::Picture};
use devarch_core::id::ContainerId;

/// A provider with a health check, a volume and a port, and a consumer with a config file and a port. Both exit at
/// once on SIGTERM.
const STACK: &str = r#"version: "1"
stacks:
  STACK:
    instances:
      db:
        template: busybox
        command: [sh, -c, "trap 'exit 0' TERM; echo $MARK >/tmp/mark; httpd -f -p 8000 -h / & wait"]
        environment: {MARK: "0"}
        ports: [8000]
        volumes: ["data:/data"]
        healthcheck: {test: "wget -q -O /dev/null http://127.0.0.1:8000/tmp/mark", interval: 1s, start_period: 20s}
      web:
        template: busybox
        command: [sh, -c, "trap 'exit 0' TERM; httpd -f -p 8000 -h / & wait"]
        ports: [8000]
        depends_on: [db]
        config_files: {/site/index.html: {content: "from a file"}}
"#;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Creates the stack from nothing.
    Create,
    /// Changes the environment of the provider, whose volume holds a file.
    Replace,
    /// Removes everything except the volume.
    Remove,
}

impl Scenario {
    /// Whether it can be repeated with a stack that survived it.
    pub(crate) fn can_be_repeated(self) -> bool {
        self != Self::Create
    }

    /// Prepares the sandbox for attempt number `at`.
    pub(crate) fn prepare(self, sandbox: &Sandbox, at: usize) {
        if !sandbox.project().join("devarch.yml").exists() {
            sandbox.define(STACK);
        }
        if self == Self::Create {
            return;
        }
        if Picture::take(sandbox).containers.is_empty() {
            sandbox.ok(&["up", "STACK", "--yes"]);
        }
        let db = &Picture::take(sandbox).containers[&format!("devarch-{}-db", sandbox.stack)];
        let id = ContainerId::new(db.id.clone());
        assert_eq!(sandbox.wait(sandbox.fixture().sh(&id, "echo kept >/data/precious")).code, 0);
        if self == Self::Replace {
            sandbox.ok(&["set", "STACK/db", &format!("environment.MARK={at}")]);
        }
    }

    /// The command of the scenario.
    pub(crate) fn command(self) -> &'static [&'static str] {
        match self {
            Self::Create | Self::Replace => &["apply", "STACK", "--yes"],
            Self::Remove => &["down", "STACK", "--yes"],
        }
    }

    /// Whether exactly the desired state of attempt `at` is running.
    pub(crate) fn is_done(self, sandbox: &Sandbox, [before, now]: [&Picture; 2], at: usize) -> bool {
        let name = |instance: &str| format!("devarch-{}-{instance}", sandbox.stack);
        let running = now.running();
        if self == Self::Remove {
            return running.is_empty() && now.volumes == before.volumes;
        }
        let [Some(db), Some(web)] = ["db", "web"].map(|instance| now.containers.get(&name(instance))) else {
            return false;
        };
        let network = name("net");
        let attached = [db, web].iter().all(|at| at.addresses.keys().eq([&network]));
        let served = web.shows("/site/index.html", "from a file") && attached;
        let fresh = running.len() == 2 && db.running && web.running && served;
        let Some(old) = before.containers.get(&name("db")) else {
            return fresh && db.shows("/tmp/mark", "0\n");
        };
        fresh
            && before.containers.get(&name("web")) == Some(web)
            && (&old.addresses, &old.ports) == (&db.addresses, &db.ports)
            && old.id != db.id
            && db.shows("/data/precious", "kept\n")
            && db.shows("/tmp/mark", &format!("{at}\n"))
    }
}

/// Whether no unexpected object of the stack is left over.
pub(crate) fn is_clean(sandbox: &Sandbox, now: &Picture) -> bool {
    let runs = now.running().len();
    let network = format!("devarch-{}-net", sandbox.stack);
    let networks = usize::from(runs > 0);
    let volume = format!("devarch-{}-db-data", sandbox.stack);
    now.containers.len() == runs
        && now.networks.keys().filter(|name| **name == network).count() == networks
        && now.networks.len() == networks
        && now.volumes.iter().eq([&volume])
}
