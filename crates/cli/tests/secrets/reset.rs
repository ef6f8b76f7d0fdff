//! `secret key reset`: the way out where the key is lost for good.

use crate::common::{Ran, World, postgres::Postgres, signal};
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

impl World {
    fn key(&self) -> PathBuf {
        self.home().join("secret.key")
    }

    fn set_key(&self, value: &str) {
        let ran = self.feed(value.as_bytes(), &["secret", "set", "STACK", "KEY"]);
        assert_eq!(ran.code, 0, "{ran}");
    }

    /// The id of an instance's container, and its variables.
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

    /// Takes the file in again and replaces what runs.
    fn recovers(&self) {
        self.set_key("the new one");
        let up = self.ok(&["up", "--yes"]);
        for instance in ["web", "other"] {
            let told = format!(
                "-/+ {instance}  will be replaced (its config cannot be compared: the key it was hashed with"
            );
            assert!(up.stderr.contains(&told), "{told}\n{up}");
        }
        assert_eq!(self.variable("OWN"), "hunter2");
        assert_eq!(self.variable("KEY"), "the new one");
        self.ok(&["plan", "STACK", "--detailed-exitcode"]);
        assert_eq!(self.ok(&["logs", "STACK/web"]).stdout, "[REDACTED]\n");
    }
}

fn says(ran: &Ran, told: &[&str]) {
    for words in told {
        assert!(ran.stderr.contains(words), "{words}\n{ran}");
    }
}

fn nothing_is_given_up_unasked(world: &World) {
    let asked = world.run(&["secret", "key", "reset"]);
    assert_ne!(asked.code, 0, "nobody could be asked: {asked}");
    says(
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
    assert!(!world.key().exists(), "nothing was done");
}

fn what_a_lost_key_gives_up_is_named_and_everything_works_again(world: &World) {
    world.define(SHOP);
    world.set_key("hunter4");
    world.ok(&["up", "--yes"]);
    world.ok(&["plan", "STACK"]);
    let (made, salt) = (world.variable("MADE"), world.variable("SALT"));
    let before = (world.inspected("web").0, world.inspected("other").0);
    let refused = world.fails(5, &["secret", "key", "reset", "--yes"]);
    assert!(refused.stderr.contains("so nothing is lost"), "{refused}");

    fs::remove_file(world.key()).unwrap();
    nothing_is_given_up_unasked(world);

    let reset = world.ok(&["secret", "key", "reset", "--yes", "--json"]);
    says(
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
    let told: Value = serde_json::from_str(&reset.stdout).unwrap();
    assert_eq!(told["unset"][0]["secret"], "KEY");
    assert_eq!(world.key().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(world.key_opens());

    let plan = world.fails(3, &["plan", "STACK"]);
    for named in
        ["web.environment.KEY: secret 'KEY' of stack 'STACK' is not set", "web.environment.OWN", "discarded"]
    {
        assert!(plan.stderr.contains(named), "{named}\n{plan}");
    }
    let hidden = world.fails(7, &["logs", "STACK/web"]);
    assert!(hidden.stderr.contains("`devarch apply STACK` recreates them"), "{hidden}");
    for args in [&["status", "STACK"][..], &["history", "show", "STACK"], &["secret", "list", "STACK"]] {
        world.ok(args);
    }
    // One value at a time can be said again.
    world.ok(&["set", "STACK/web", "environment.OWN=${secret:KEY}"]);
    world.ok(&["unset", "STACK/web", "environment.OWN"]);

    world.recovers();
    let after = (world.inspected("web").0, world.inspected("other").0);
    assert!(before.0 != after.0 && before.1 != after.1);
    assert!(world.variable("MADE") != made && world.variable("MADE").len() == 24);
    assert!(world.variable("SALT") != salt && world.variable("SALT").len() == 20);
    world.ok(&["secret", "rotate-key"]);
    world.ok(&["plan", "STACK", "--detailed-exitcode"]);
    world.ok(&["down", "STACK", "--yes"]);
    world.ok(&["stack", "delete", "STACK", "--yes"]);
}

/// Either the old key still opens everything, or the new one does.
fn a_reset_that_is_killed_anywhere_has_happened_or_not(world: &World) {
    world.define(SHOP);
    world.set_key("hunter4");
    world.ok(&["up", "--yes"]);
    let away = world.key().with_extension("away");
    let mut happened = 0;
    for wait in 0..12 {
        fs::rename(world.key(), &away).unwrap();
        let mut command = world.command(&["secret", "key", "reset", "--yes"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(wait * 16));
        signal(&child, Signal::KILL);
        child.wait().unwrap();
        if world.key_opens() {
            happened += 1;
            world.recovers();
        } else {
            let _ = fs::rename(&away, world.key());
            world.ok(&["plan", "STACK", "--detailed-exitcode"]);
        }
    }
    println!("{happened} of 12 had happened");
    fs::remove_file(world.key()).unwrap();
    // What a killed one left in the file is no reason to fail.
    fs::write(world.key(), "devarch-keys 1\n").unwrap();
    fs::set_permissions(world.key(), Permissions::from_mode(0o600)).unwrap();
    world.ok(&["secret", "key", "reset", "--yes"]);
    world.recovers();
    let stores = fs::read_to_string(world.key()).unwrap();
    assert_eq!(stores.lines().filter(|line| line.split_whitespace().count() == 3).count(), 1);
}

/// What only has to be mended is not given up.
#[test]
fn a_key_file_that_only_has_to_be_mended_is_not_reset() {
    let world = World::without_engine();
    world.define(SHOP);
    world.set_key("hunter4");
    let key = fs::read(world.key()).unwrap();
    fs::set_permissions(world.key(), Permissions::from_mode(0o644)).unwrap();
    let refused = world.fails(7, &["secret", "key", "reset", "--yes"]);
    assert!(refused.stderr.contains("chmod 600"), "{refused}");
    assert_eq!(fs::read(world.key()).unwrap(), key);
    fs::set_permissions(world.key(), Permissions::from_mode(0o600)).unwrap();
    fs::write(world.key(), "something else\n").unwrap();
    let refused = world.fails(7, &["secret", "key", "reset", "--yes"]);
    assert!(refused.stderr.contains("is not a key file"), "{refused}");
    assert!(refused.stderr.contains("help: move it away"), "{refused}");
    fs::write(world.key(), &key).unwrap();
    assert!(world.key_opens());
    assert_eq!(world.json(&["secret", "list", "shop"])[0]["locked"], Value::Null);
}

fn on(kind: EngineKind, test: fn(&World)) {
    if let Some(world) = World::on(kind) {
        test(&world);
    }
}

fn on_postgres(kind: EngineKind, test: fn(&World)) {
    let Some(mut world) = World::on(kind) else { return };
    let Some(_database) = Postgres::of(&mut world) else { return };
    test(&world);
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
    what_a_lost_key_gives_up_is_named_and_everything_works_again,
    a_reset_that_is_killed_anywhere_has_happened_or_not,
}
