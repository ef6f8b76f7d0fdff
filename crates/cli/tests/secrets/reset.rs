//! `secret key reset`, for a key that is lost for good.

use crate::common::{Ran, Sandbox, postgres::Postgres, signal};
use devarch_core::engine::EngineKind;
use devarch_testkit::outside;
use rustix::process::Signal;
use serde_json::Value;
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::Stdio,
    thread,
    time::Duration,
};

const SHOP: &str = r#"
version: "1"
stacks:
  STACK:
    secrets: { KEY: , SALT: { generate: 20 } }
    external:
      billing: { type: postgres, host: db.lan, port: 5432, user: u, database: d, password: { value: outside, secret: true } }
    instances:
      web:
        template: busybox
        stop_grace_period: 0s
        command: ["sh", "-c", "echo $KEY; sleep 1000"]
        volumes: ["data:/data"]
        environment:
          OWN: { value: hunter2, secret: true }
          TWO: { value: hunter3, secret: true }
          KEY: "${secret:KEY}"
          SALT: "${secret:SALT}"
          MADE: { generate: 24 }
      other: { template: busybox, stop_grace_period: 0s, command: ["sleep", "1000"] }
"#;

impl Sandbox {
    fn key(&self) -> PathBuf {
        self.home().join("secret.key")
    }

    fn set_key(&self, value: &str) {
        let ran = self.feed(value.as_bytes(), &["secret", "set", "STACK", "KEY"]);
        assert_eq!(ran.code, 0, "{ran}");
    }

    /// The id of an instance's container, and its environment variables.
    fn inspected(&self, instance: &str) -> (String, Vec<String>) {
        let path = format!("/containers/devarch-{}-{instance}/json", self.stack);
        let inspected = self.wait(outside::get(&self.endpoint(), &path));
        let variables = inspected["Config"]["Env"].as_array().unwrap().iter().filter_map(Value::as_str);
        (inspected["Id"].as_str().unwrap().to_owned(), variables.map(str::to_owned).collect())
    }

    fn variable(&self, name: &str) -> String {
        let (_, variables) = self.inspected("web");
        let found = variables.iter().find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        found.unwrap_or_else(|| panic!("no {name} in {variables:?}")).to_owned()
    }

    fn key_opens(&self) -> bool {
        self.run(&["doctor"]).stdout.contains("opens the store's secrets")
    }

    /// Loads the file again and replaces the containers.
    fn recovers(&self) {
        self.set_key("the new one");
        let up = self.ok(&["up", "--yes"]);
        for instance in ["web", "other"] {
            let report = format!(
                "-/+ {instance}  will be replaced (its config cannot be compared: the key it was hashed with"
            );
            assert!(up.stderr.contains(&report), "{report}\n{up}");
        }
        assert_eq!(self.variable("OWN"), "hunter2");
        assert_eq!(self.variable("KEY"), "the new one");
        self.ok(&["plan", "STACK", "--detailed-exitcode"]);
        assert_eq!(self.ok(&["logs", "STACK/web"]).stdout, "[REDACTED]\n");
    }
}

fn assert_reports(ran: &Ran, report: &[&str]) {
    for words in report {
        assert!(ran.stderr.contains(words), "{words}\n{ran}");
    }
}

fn nothing_is_discarded_without_confirmation(sandbox: &Sandbox) {
    let asked = sandbox.run(&["secret", "key", "reset"]);
    assert_ne!(asked.code, 0, "no terminal to ask at: {asked}");
    assert_reports(
        &asked,
        &[
            "is missing: $ROOT/home/secret.key not found",
            "secret 'KEY' of stack 'STACK'",
            "STACK/web environment.OWN: the value that was set there",
            "STACK/web environment.TWO: the value that was set there",
            "STACK external.billing.password: the value that was set there",
            "STACK/web environment.MADE: the generated value; a new one is generated",
            "STACK secrets.SALT: the generated value",
            "`devarch secret key import FILE` keeps everything",
        ],
    );
    assert!(!sandbox.key().exists(), "nothing was done");
}

fn values_discarded_with_a_lost_key_are_listed_and_everything_works_again(sandbox: &Sandbox) {
    sandbox.define(SHOP);
    sandbox.set_key("hunter4");
    sandbox.ok(&["up", "--yes"]);
    sandbox.ok(&["plan", "STACK"]);
    let (generated, salt) = (sandbox.variable("MADE"), sandbox.variable("SALT"));
    let before = (sandbox.inspected("web").0, sandbox.inspected("other").0);
    let refused = sandbox.fails(5, &["secret", "key", "reset", "--yes"]);
    assert!(refused.stderr.contains("so nothing is lost"), "{refused}");

    fs::remove_file(sandbox.key()).unwrap();
    nothing_is_discarded_without_confirmation(sandbox);

    let reset = sandbox.ok(&["secret", "key", "reset", "--yes", "--json"]);
    assert_reports(
        &reset,
        &[
            "set again: devarch secret set STACK KEY",
            "to be set again: STACK/web environment.OWN",
            "to be set again: STACK external.billing.password",
            "regenerated: STACK/web environment.MADE",
            "beware: volume devarch-STACK-web-data of STACK/web has data that may know the old password",
            "the next apply replaces all containers of: STACK",
        ],
    );
    let report: Value = serde_json::from_str(&reset.stdout).unwrap();
    assert_eq!(report["unset"][0]["secret"], "KEY");
    assert_eq!(sandbox.key().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(sandbox.key_opens());

    let plan = sandbox.fails(3, &["plan", "STACK"]);
    for named in
        ["web.environment.KEY: secret 'KEY' of stack 'STACK' is not set", "web.environment.OWN", "discarded"]
    {
        assert!(plan.stderr.contains(named), "{named}\n{plan}");
    }
    let hidden = sandbox.fails(7, &["logs", "STACK/web"]);
    assert!(hidden.stderr.contains("`devarch apply STACK` recreates them"), "{hidden}");
    for args in [&["status", "STACK"][..], &["history", "show", "STACK"], &["secret", "list", "STACK"]] {
        sandbox.ok(args);
    }
    // Values can be set again one at a time.
    sandbox.ok(&["set", "STACK/web", "environment.OWN=${secret:KEY}"]);
    sandbox.ok(&["unset", "STACK/web", "environment.OWN"]);

    sandbox.recovers();
    let after = (sandbox.inspected("web").0, sandbox.inspected("other").0);
    assert!(before.0 != after.0 && before.1 != after.1);
    assert!(sandbox.variable("MADE") != generated && sandbox.variable("MADE").len() == 24);
    assert!(sandbox.variable("SALT") != salt && sandbox.variable("SALT").len() == 20);
    sandbox.ok(&["secret", "rotate-key"]);
    sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
    sandbox.ok(&["down", "STACK", "--yes"]);
    sandbox.ok(&["stack", "delete", "STACK", "--yes"]);
}

/// After a kill either the old key or the new one opens everything.
fn a_killed_reset_is_complete_or_has_no_effect(sandbox: &Sandbox) {
    sandbox.define(SHOP);
    sandbox.set_key("hunter4");
    sandbox.ok(&["up", "--yes"]);
    let away = sandbox.key().with_extension("away");
    let mut happened = 0;
    for wait in 0..12 {
        fs::rename(sandbox.key(), &away).unwrap();
        let mut command = sandbox.command(&["secret", "key", "reset", "--yes"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(wait * 16));
        signal(&child, Signal::KILL);
        child.wait().unwrap();
        if sandbox.key_opens() {
            happened += 1;
            sandbox.recovers();
        } else {
            let _ = fs::rename(&away, sandbox.key());
            sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
        }
    }
    println!("{happened} of 12 had happened");
    fs::remove_file(sandbox.key()).unwrap();
    // An incomplete key file of a killed reset is no reason to fail.
    fs::write(sandbox.key(), "devarch-keys 1\n").unwrap();
    fs::set_permissions(sandbox.key(), Permissions::from_mode(0o600)).unwrap();
    sandbox.ok(&["secret", "key", "reset", "--yes"]);
    sandbox.recovers();
    let stores = fs::read_to_string(sandbox.key()).unwrap();
    assert_eq!(stores.lines().filter(|line| line.split_whitespace().count() == 3).count(), 1);
}

/// A key file with wrong permissions or content keeps its data.
#[test]
fn a_key_file_that_can_be_fixed_is_not_reset() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    sandbox.set_key("hunter4");
    let key = fs::read(sandbox.key()).unwrap();
    fs::set_permissions(sandbox.key(), Permissions::from_mode(0o644)).unwrap();
    let refused = sandbox.fails(7, &["secret", "key", "reset", "--yes"]);
    assert!(refused.stderr.contains("chmod 600"), "{refused}");
    assert_eq!(fs::read(sandbox.key()).unwrap(), key);
    fs::set_permissions(sandbox.key(), Permissions::from_mode(0o600)).unwrap();
    fs::write(sandbox.key(), "something else\n").unwrap();
    let refused = sandbox.fails(7, &["secret", "key", "reset", "--yes"]);
    assert!(refused.stderr.contains("is not a key file"), "{refused}");
    assert!(refused.stderr.contains("help: move it away"), "{refused}");
    fs::write(sandbox.key(), &key).unwrap();
    assert!(sandbox.key_opens());
    assert_eq!(sandbox.json(&["secret", "list", "shop"])[0]["locked"], Value::Null);
}

fn on(kind: EngineKind, test: fn(&Sandbox)) {
    if let Some(sandbox) = Sandbox::on(kind) {
        test(&sandbox);
    }
}

fn on_postgres(kind: EngineKind, test: fn(&Sandbox)) {
    let Some(mut sandbox) = Sandbox::on(kind) else { return };
    let Some(_database) = Postgres::create(&mut sandbox) else { return };
    test(&sandbox);
}

macro_rules! everywhere {
    ($($test:ident),* $(,)?) => {
        mod docker {
            use devarch_core::engine::EngineKind;
            $(#[test] fn $test() { super::on(EngineKind::Docker, super::$test); })*
        }
        mod podman {
            use devarch_core::engine::EngineKind;
            $(#[test] fn $test() { super::on(EngineKind::Podman, super::$test); })*
        }
        mod postgres {
            use devarch_core::engine::EngineKind;
            $(#[test] fn $test() { super::on_postgres(EngineKind::Docker, super::$test); })*
        }
    };
}

everywhere! {
    values_discarded_with_a_lost_key_are_listed_and_everything_works_again,
    a_killed_reset_is_complete_or_has_no_effect,
}
