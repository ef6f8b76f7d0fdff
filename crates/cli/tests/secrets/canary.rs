//! Passes unique secrets through every command, then searches everything that DevArch wrote and printed for them.

mod copies;
mod lost_key;

use crate::{
    common::{Ran, Sandbox, postgres, signal},
    haystack::{Haystack, Spy},
};
use devarch_core::engine::EngineKind;
use devarch_testkit::outside;
use rustix::process::Signal;
use serde_json::Value;
use std::{collections::BTreeMap, env, fs, path::PathBuf, process::Command, thread, time::Duration};

/// `@@NAME@@` is replaced by a secret that is written in the file.
const PROJECT: &str = r#"
version: "1"
templates:
  app:
    image: busybox:1.37
    restart: "no"
    stop_grace_period: 0s
    environment:
      TEMPLATE: { value: "@@TEMPLATE@@", secret: true }
      MADE: { generate: { length: 40, charset: printable } }
      OVERRIDDEN: { value: "@@DEFAULT@@", secret: true }
stacks:
  STACK:
    secrets:
      TYPED:
      FILED:
      WORD:
      OWNMADE: { generate: 24 }
    instances:
      web:
        template: app
        command: ["sh", "-c", "echo started with $TYPED; sleep 1000", "--pw=${secret:WORD}"]
        environment_add:
          TYPED: ${secret:TYPED}
          WHOLE: "${secret:OWNMADE}"
          URL: "pg://u:${secret:TYPED}@db/${secret:OWNMADE}"
          OVERRIDDEN: "@@OVERRIDE@@"
          INPLACE: { value: "@@PLACE@@", secret: true }
          LATER: LATER_VALUE
        secrets:
          - FILED
          - { source: TYPED, target: /etc/app/key, uid: 1000, gid: 1000, mode: "0440" }
        config_files:
          /etc/app/hidden.conf: { content: "@@CONTENT@@", secret: true }
          /etc/app/with.conf: "password = ${secret:FILED}\n"
        healthcheck: { test: "test -s /run/secrets/FILED", interval: 1s }
      job:
        template: app
        job: true
        depends_on: [web]
        command: ["sh", "-c", "echo job has $TEMPLATE"]
"#;

const KINDS: [&str; 11] = [
    "TYPED", "FILED", "WORD", "TEMPLATE", "DEFAULT", "OVERRIDE", "PLACE", "CONTENT", "LATER", "SECOND",
    "NEWER",
];

struct Canary {
    sandbox: Sandbox,
    secrets: BTreeMap<String, String>,
    haystack: Haystack,
}

impl Canary {
    /// Creates one unique secret per kind, with characters that JSON and URLs encode.
    fn new(sandbox: Sandbox) -> Self {
        // Reversed, because the stack's name is replaced in command output.
        let mark: String = sandbox.stack.chars().rev().collect();
        let secret = |kind: &str| format!("canary/{kind}+\"{mark}\"&9>");
        let secrets = KINDS.into_iter().map(|kind| (kind.to_owned(), secret(kind))).collect();
        Self { sandbox, secrets, haystack: Haystack::default() }
    }

    /// Runs a command with maximum verbosity.
    fn run(&mut self, args: &[&str]) -> Ran {
        let ran = self.sandbox.run(&[args, &["-vvv"]].concat());
        self.haystack.ran(args, &ran);
        ran
    }

    fn ok(&mut self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "devarch {args:?}\n{ran}");
        ran
    }

    fn fails(&mut self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_ne!(ran.code, 0, "devarch {args:?}\n{ran}");
        ran
    }

    fn set(&mut self, name: &str, value: &str) {
        let args = ["secret", "set", "STACK", name, "-vvv"];
        let ran = self.sandbox.feed(format!("{value}\n").as_bytes(), &args);
        assert_eq!(ran.code, 0, "{ran}");
        self.haystack.ran(&args, &ran);
    }

    /// Writes devarch.yml, the only file that may hold secrets in plain text.
    fn write(&self, text: &str, later: &str) {
        let mut text = text.replace("LATER_VALUE", later);
        for (name, value) in &self.secrets {
            text = text.replace(&format!("@@{name}@@"), &value.replace('"', "\\\""));
        }
        self.sandbox.write(&text);
    }

    fn inspected(&self, instance: &str) -> Value {
        let path = format!("/containers/devarch-{}-{instance}/json", self.sandbox.stack);
        self.sandbox.wait(outside::get(&self.sandbox.endpoint(), &path))
    }

    fn variable(&self, instance: &str, name: &str) -> String {
        self.variable_of(&format!("devarch-{}-{instance}", self.sandbox.stack), name)
    }

    fn variable_of(&self, container: &str, name: &str) -> String {
        let path = format!("/containers/{container}/json");
        let inspected = self.sandbox.wait(outside::get(&self.sandbox.endpoint(), &path));
        let all = inspected["Config"]["Env"].as_array().unwrap().iter().filter_map(Value::as_str);
        let mut found = all.filter_map(|pair| pair.strip_prefix(&format!("{name}=")));
        found.next().unwrap_or_else(|| panic!("no variable {name}")).to_owned()
    }

    /// A plain value that becomes a secret leaves no copy. Output from before is not searched.
    fn a_value_becomes_a_secret(&mut self) {
        let later = self.secrets["LATER"].replace('"', "\\\"");
        self.write(PROJECT, &format!("\"{later}\""));
        for name in ["TYPED", "FILED", "WORD"] {
            self.set(name, &self.secrets[name].clone());
        }
        self.sandbox.ok(&["plan", "STACK"]);
        self.sandbox.ok(&["up", "--yes"]);
        self.write(PROJECT, &format!("{{ value: \"{later}\", secret: true }}"));
        self.sandbox.ok(&["up", "--yes"]);
        assert_eq!(self.variable("web", "LATER"), self.secrets["LATER"]);
        for (name, variable) in [("MADE", "MADE"), ("OWNMADE", "WHOLE")] {
            self.secrets.insert(name.to_owned(), self.variable("web", variable));
        }
        assert_eq!(self.secrets["MADE"].len(), 40);
    }

    /// Containers receive their secrets.
    fn containers_have_them(&self) {
        let secret = |name: &str| self.secrets[name].clone();
        assert_eq!(self.variable("web", "TYPED"), secret("TYPED"));
        assert_eq!(self.variable("web", "OVERRIDDEN"), secret("OVERRIDE"));
        assert_eq!(
            self.variable("web", "URL"),
            format!("pg://u:{}@db/{}", secret("TYPED"), secret("OWNMADE"))
        );
        assert_eq!(self.inspected("web")["Config"]["Cmd"][3], format!("--pw={}", secret("WORD")));
        let read = |path: &str| {
            let args = ["exec", "STACK/web", "-T", "--no-redact", "--", "sh", "-c", path];
            self.sandbox.ok(&args).stdout
        };
        assert_eq!(read("cat /run/secrets/FILED"), secret("FILED"));
        assert_eq!(read("stat -c %a:%u:%g /run/secrets/FILED"), "400:0:0\n");
        assert_eq!(read("cat /etc/app/key"), secret("TYPED"));
        assert_eq!(read("stat -c %a:%u:%g /etc/app/key"), "440:1000:1000\n");
        assert_eq!(read("cat /etc/app/hidden.conf"), secret("CONTENT"));
        assert_eq!(read("cat /etc/app/with.conf"), format!("password = {}\n", secret("FILED")));
        assert_eq!(read("stat -c %a /etc/app/with.conf"), "600\n");
    }

    fn every_command_that_shows(&mut self) {
        let logs = self.ok(&["logs", "STACK"]);
        assert!(logs.stdout.contains("started with [REDACTED]"), "{logs}");
        assert!(logs.stdout.contains("job has [REDACTED]"), "{logs}");
        let logs = self.ok(&["logs", "STACK", "--json"]);
        assert!(logs.stdout.contains("[REDACTED]"), "{logs}");
        let env = self.ok(&[
            "exec",
            "STACK/web",
            "-T",
            "--",
            "sh",
            "-c",
            "env; env >&2; tr '\\0' ' ' </proc/1/cmdline",
        ]);
        assert!(env.stdout.contains("TYPED=[REDACTED]") && env.stderr.contains("MADE=[REDACTED]"), "{env}");
        for args in [
            &["plan", "STACK"][..],
            &["plan", "STACK", "--full"],
            &["plan", "STACK", "--json"],
            &["plan", "STACK", "--no-save", "--detailed-exitcode"],
            &["status"],
            &["status", "STACK", "--json"],
            &["status", "STACK", "--probe"],
            &["config", "STACK"],
            &["config", "STACK", "--origin"],
            &["config", "STACK/web", "--json"],
            &["compose", "STACK"],
            &["compose", "STACK", "--dir", "written"],
            &["stack", "list"],
            &["stack", "show", "STACK", "--json"],
            &["instance", "list", "STACK"],
            &["instance", "show", "STACK/web"],
            &["history", "STACK", "--json"],
            &["history", "show", "STACK"],
            &["secret", "list", "STACK"],
            &["secret", "list", "STACK", "--json"],
            &["secret", "unused", "STACK"],
            &["catalog", "show", "postgres"],
            &["lock", "list"],
        ] {
            self.ok(args);
        }
        self.run(&["doctor"]);
        self.fails(&["secret", "show", "STACK", "TYPED", "--reveal"]);
        self.fails(&["secret", "remove", "STACK", "TYPED"]);
        self.fails(&["secret", "show", "STACK", "TYPD", "--reveal"]);
    }

    fn every_command_that_changes(&mut self) {
        self.set("TYPED", &self.secrets["SECOND"].clone());
        let plan = self.run(&["plan", "STACK"]);
        assert!(plan.stdout.contains("~ web.environment.TYPED: secret changed"), "{plan}");
        assert!(plan.stdout.contains("~ web.environment.URL: secret changed"), "{plan}");
        self.ok(&["apply", "STACK", "--yes"]);
        assert_eq!(self.variable("web", "TYPED"), self.secrets["SECOND"]);
        self.ok(&["set", "STACK/web", "environment.ANOTHER=1", "stop_grace_period=1s"]);
        self.ok(&["unset", "STACK/web", "environment.ANOTHER"]);
        self.ok(&["secret", "rotate-key"]);
        let passphrase = self.sandbox.project().join("passphrase");
        fs::write(&passphrase, "correct horse battery staple").unwrap();
        self.ok(&["secret", "key", "export", "sealed.key", "--passphrase-file", "passphrase"]);
        self.ok(&["secret", "key", "import", "sealed.key", "--passphrase-file", "passphrase"]);
        fs::write(&passphrase, "another").unwrap();
        self.fails(&["secret", "key", "import", "sealed.key", "--passphrase-file", "passphrase"]);
        self.ok(&["stack", "clone", "STACK", "STACK-copy"]);
        self.ok(&["config", "STACK-copy"]);
        self.ok(&["up", "STACK-copy", "--yes"]);
        self.ok(&["down", "STACK-copy", "--yes"]);
        self.ok(&["stack", "delete", "STACK-copy", "--yes"]);
        self.ok(&["rollback", "STACK", "--yes"]);
        for args in
            [&["restart", "STACK", "--yes"][..], &["stop", "STACK", "--yes"], &["start", "STACK", "--yes"]]
        {
            self.ok(args);
        }
    }

    /// Errors of engines and containers may contain secrets.
    fn every_way_to_fail(&mut self) {
        self.ok(&["instance", "rename", "STACK", "job", "work"]);
        for (field, value) in [
            ("command", "[\"/no/such/${secret:WORD}\"]"),
            ("command", "[\"sh\", \"-c\", \"echo out: $TYPED; echo err: $MADE >&2; exit 3\"]"),
            ("healthcheck", "{test: \"echo probed $TYPED; exit 1\", interval: 1s, retries: 2}"),
            ("image", "no.such.registry.invalid/canary:1"),
        ] {
            self.ok(&["set", "STACK/web", &format!("{field}={value}")]);
            let failed = self.fails(&["apply", "STACK", "--yes"]);
            if field == "healthcheck" || value.contains("exit 3") {
                assert!(failed.stderr.contains("[REDACTED]"), "{failed}");
            }
            self.ok(&["status", "STACK"]);
            self.ok(&["history", "show", "STACK"]);
            self.ok(&["unset", "STACK/web", field]);
        }
        self.ok(&["set", "STACK/web", "labels.at=${secret:WORD}"]);
        let refused = self.fails(&["plan", "STACK"]);
        assert!(refused.stderr.contains("labels.at"), "{refused}");
        self.ok(&["unset", "STACK/web", "labels"]);
        self.fails(&["set", "STACK/web", "environment.X={value: \"[REDACTED]\", secret: true}"]);
    }

    /// The journal of an interrupted apply may contain secrets.
    fn a_killed_apply(&mut self) {
        self.ok(&["up", "--yes"]);
        self.set("WORD", &self.secrets["WORD"].replace("WORD", "ANEW"));
        self.secrets.insert("ANEW".to_owned(), self.secrets["WORD"].replace("WORD", "ANEW"));
        let mut child = self.sandbox.command(&["apply", "STACK", "--yes"]).spawn().unwrap();
        thread::sleep(Duration::from_millis(400));
        signal(&child, Signal::KILL);
        child.wait().unwrap();
        self.run(&["status", "STACK"]);
        self.run(&["apply", "STACK", "--yes", "--resume"]);
        self.ok(&["up", "--yes"]);
    }

    /// Everyone who may list the engine's objects can read labels.
    fn labels(&mut self) {
        for path in ["/containers/json?all=1", "/networks", "/volumes"] {
            let listed = self.sandbox.wait(outside::get(&self.sandbox.endpoint(), path));
            let listed = listed.get("Volumes").cloned().unwrap_or(listed);
            for object in listed.as_array().into_iter().flatten() {
                self.haystack.add(format!("labels in {path}"), object["Labels"].to_string());
            }
        }
    }
}

fn on(engine: EngineKind, with_postgres: bool) {
    let Some(mut sandbox) = Sandbox::on(engine) else { return };
    let database = if with_postgres {
        let Some(database) = postgres::Postgres::create(&mut sandbox) else { return };
        Some(database)
    } else {
        None
    };
    let mut canary = Canary::new(sandbox);
    let spy = Spy::on(&canary.sandbox);
    canary.a_value_becomes_a_secret();
    if let Some(database) = &database {
        let statement = format!("ALTER DATABASE {} SET log_statement = 'all'", database.name);
        canary.sandbox.wait(postgres::execute(&database.server, statement));
    }
    let log_start = database.as_ref().map_or(0, |_| server_log().len());
    canary.containers_have_them();
    canary.every_command_that_shows();
    canary.every_command_that_changes();
    canary.a_copied_stack_and_a_newer_template();
    canary.every_way_to_fail();
    canary.a_killed_apply();
    canary.a_lost_key();
    canary.labels();
    canary.ok(&["down", "STACK", "--yes"]);
    let seen = spy.end(&mut canary.haystack);
    assert!(seen > 20, "only {seen} processes' files were seen");
    if database.is_some() {
        canary.haystack.add("dump", dump(&canary.sandbox.database()));
        canary.haystack.add("statements", &server_log()[log_start..]);
    }
    let (home, project) = (canary.sandbox.home(), canary.sandbox.project());
    canary.haystack.files(&home, &[]);
    canary.haystack.files(&project, &[&project.join("devarch.yml"), &project.join("passphrase")]);
    canary.haystack.files(&canary.sandbox.temporary(), &[]);
    let found = canary.haystack.search(&canary.secrets);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn server_log() -> Vec<u8> {
    fs::read(env::var("DEVARCH_TEST_POSTGRES_LOG").unwrap()).unwrap()
}

/// The whole database as text.
fn dump(url: &str) -> Vec<u8> {
    let program = PathBuf::from(env::var("DEVARCH_TEST_POSTGRES_BIN").unwrap()).join("pg_dump");
    #[expect(clippy::disallowed_methods, reason = "looks from outside")]
    let dumped = Command::new(program).arg(url).output().unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    dumped.stdout
}

mod docker {
    use devarch_core::engine::EngineKind;

    #[test]
    fn secrets_are_only_in_their_containers_sqlite() {
        super::on(EngineKind::Docker, false);
    }

    #[test]
    fn secrets_are_only_in_their_containers_postgres() {
        super::on(EngineKind::Docker, true);
    }
}

mod podman {
    use devarch_core::engine::EngineKind;

    #[test]
    fn secrets_are_only_in_their_containers_sqlite() {
        super::on(EngineKind::Podman, false);
    }

    #[test]
    fn secrets_are_only_in_their_containers_postgres() {
        super::on(EngineKind::Podman, true);
    }
}
