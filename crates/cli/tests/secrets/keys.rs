//! The encryption key: missing, wrong, damaged, rotated, moved to another machine.

use crate::common::{Ran, Sandbox, postgres::Postgres, signal};
use devarch_core::engine::EngineKind;
use devarch_testkit::outside;
use rustix::process::Signal;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
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
    instances:
      web:
        template: busybox
        command: ["sh", "-c", "echo it runs; sleep 1000"]
        environment: { OWN: { value: hunter2, secret: true }, KEY: "${secret:KEY}" }
      other:
        template: busybox
        environment: { SAID: { value: hunter3, secret: true } }
"#;

impl Sandbox {
    fn key_file(&self) -> PathBuf {
        self.home().join("secret.key")
    }

    fn with_secret(&self) {
        self.define(SHOP);
        let ran = self.feed(b"of the stack", &["secret", "set", "STACK", "KEY"]);
        assert_eq!(ran.code, 0, "{ran}");
    }

    /// Commands that need no secret succeed.
    fn commands_without_secrets_work(&self) {
        for args in [
            &["status"][..],
            &["status", "STACK"],
            &["stack", "list"],
            &["config", "STACK"],
            &["secret", "list", "STACK"],
            &["history", "STACK"],
            &["set", "STACK/web", "enabled=true"],
            &["wire", "list", "STACK"],
            &["wire", "graph", "STACK"],
            &["lock", "list"],
            &["catalog", "list"],
        ] {
            self.ok(args);
        }
    }

    /// The id of an instance's container, and whether it is running.
    fn container(&self, instance: &str) -> (String, bool) {
        let path = format!("/containers/devarch-{}-{instance}/json", self.stack);
        let inspected = self.wait(outside::get(&self.endpoint(), &path));
        (inspected["Id"].as_str().unwrap().to_owned(), inspected["State"]["Running"].as_bool().unwrap())
    }

    /// Existing containers are stopped and started without changes.
    fn existing_containers_stop_and_start(&self) {
        let before = self.container("web");
        assert!(before.1);
        let restarted = self.ok(&["restart", "STACK"]);
        assert!(restarted.stderr.contains("existing containers are kept"), "{restarted}");
        self.ok(&["stop", "STACK/web"]);
        assert_eq!((self.container("web"), self.container("other").1), ((before.0.clone(), false), true));
        self.ok(&["stop", "STACK"]);
        assert!(!self.container("other").1);
        self.ok(&["start", "STACK"]);
        assert_eq!(self.container("web"), before);
    }
}

#[test]
fn the_key_is_created_with_the_store_and_private_to_its_user() {
    let sandbox = Sandbox::without_engine();
    sandbox.with_secret();
    assert_eq!(sandbox.key_file().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(sandbox.key_file(), Permissions::from_mode(0o640)).unwrap();
    let refused = sandbox.run(&["secret", "set", "STACK", "KEY", "--generate"]);
    assert_eq!(refused.code, 7, "{refused}");
    assert!(refused.stderr.contains("chmod 600"), "{refused}");
    let doctor = sandbox.run(&["doctor"]);
    assert!(doctor.stdout.contains("secret.key can be read by others"), "{doctor}");
    fs::set_permissions(sandbox.key_file(), Permissions::from_mode(0o600)).unwrap();
    sandbox.ok(&["secret", "set", "STACK", "KEY", "--generate"]);
}

fn a_missing_key_is_reported_and_destroys_nothing(sandbox: &Sandbox) {
    sandbox.with_secret();
    sandbox.ok(&["up", "--yes"]);
    let key = fs::read_to_string(sandbox.key_file()).unwrap();
    // A key of another store, in the same format.
    let digits: String =
        key.lines().last().unwrap().chars().map(|c| if c == '0' { '1' } else { c }).collect();
    for (text, message) in [
        (None, "is missing: $ROOT/home/secret.key not found"),
        (Some("not a key\n".to_owned()), "secret.key"),
        (Some(key.replace(key.lines().last().unwrap(), &digits)), "is damaged"),
    ] {
        match &text {
            None => fs::remove_file(sandbox.key_file()).unwrap(),
            Some(text) => fs::write(sandbox.key_file(), text).unwrap(),
        }
        sandbox.commands_without_secrets_work();
        sandbox.existing_containers_stop_and_start();
        assert!(sandbox.ok(&["logs", "STACK/web", "--no-redact"]).stdout.contains("it runs"));
        let echo = ["exec", "STACK/web", "-T", "--no-redact", "--", "echo", "as it is"];
        assert_eq!(sandbox.ok(&echo).stdout, "as it is\n");
        for args in [&["logs", "STACK/web"][..], &["exec", "STACK/web", "-T", "--", "echo", "as it is"]] {
            let refused = sandbox.fails(7, args);
            assert!(refused.stderr.contains("cannot be hidden in what its containers write"), "{refused}");
            assert!(refused.stderr.contains("`--no-redact` shows everything as it is"), "{refused}");
            assert_eq!(refused.stdout, "");
        }
        for args in [
            &["plan", "STACK"][..],
            &["up", "--yes"],
            &["secret", "set", "STACK", "ANOTHER", "--generate"],
            &["secret", "rotate-key"],
        ] {
            let refused = sandbox.run(args);
            assert_ne!(refused.code, 0, "{args:?} {text:?} {refused}");
            let reported = refused.stderr.contains(message) || refused.stderr.contains("cannot be read");
            assert!(reported, "{args:?} {message}\n{refused}");
        }
        let doctor = sandbox.run(&["doctor"]);
        assert!(doctor.stdout.contains(message), "{message}\n{doctor}");
        fs::write(sandbox.key_file(), &key).unwrap();
        fs::set_permissions(sandbox.key_file(), Permissions::from_mode(0o600)).unwrap();
        sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
    }
    fs::remove_file(sandbox.key_file()).unwrap();
    sandbox.ok(&["down", "STACK", "--yes"]);
    fs::write(sandbox.key_file(), &key).unwrap();
    fs::set_permissions(sandbox.key_file(), Permissions::from_mode(0o600)).unwrap();
    sandbox.ok(&["up", "--yes"]);
}

/// Missing containers would have to be created.
fn without_a_key_only_existing_containers_are_started(sandbox: &Sandbox) {
    sandbox.with_secret();
    sandbox.ok(&["up", "--yes"]);
    let key = fs::read(sandbox.key_file()).unwrap();
    fs::remove_file(sandbox.key_file()).unwrap();
    sandbox.ok(&["stop", "STACK"]);
    let gone = format!("/containers/devarch-{}-web?force=true", sandbox.stack);
    sandbox.wait(outside::call(&sandbox.endpoint(), "DELETE", &gone));
    let refused = sandbox.fails(3, &["start", "STACK"]);
    assert!(refused.stderr.contains("web.environment.OWN: its value cannot be read"), "{refused}");
    assert!(!sandbox.container("other").1, "nothing was done");
    sandbox.ok(&["stack", "rename", "STACK", "STACK-2"]);
    sandbox.ok(&["set", "STACK-2/web", "enabled=false"]);
    sandbox.ok(&["instance", "rename", "STACK-2", "other", "another"]);
    sandbox.ok(&["stack", "rename", "STACK-2", "STACK"]);
    sandbox.ok(&["instance", "rename", "STACK", "another", "other"]);
    sandbox.ok(&["start", "STACK"]);
    assert!(sandbox.container("other").1);
    sandbox.ok(&["down", "STACK", "--yes"]);
    sandbox.ok(&["stack", "delete", "STACK", "--yes"]);
    fs::write(sandbox.key_file(), key).unwrap();
}

fn a_damaged_value_is_reported_and_the_others_still_work(sandbox: &Sandbox) {
    sandbox.with_secret();
    sandbox.ok(&["up", "--yes"]);
    sandbox.wait(async {
        let mut connection = SqliteConnection::connect(&sandbox.database()).await.unwrap();
        let damage =
            "UPDATE instances SET sealed = CAST(substr(sealed, 1, length(sealed) - 1) || X'00' AS BLOB) WHERE name = 'web'";
        connection.execute(damage).await.unwrap();
        connection.close().await.unwrap();
    });
    let refused = sandbox.run(&["plan", "STACK"]);
    assert_eq!(refused.code, 3, "{refused}");
    assert!(
        refused.stderr.contains("web.environment.OWN: its value cannot be read: it is damaged"),
        "{refused}"
    );
    assert!(!refused.stderr.contains("other."), "{refused}");
    sandbox.commands_without_secrets_work();
    sandbox.ok(&[
        "set",
        "STACK/web",
        "environment={OWN: {value: hunter4, secret: true}, KEY: \"${secret:KEY}\"}",
    ]);
    sandbox.ok(&["apply", "STACK", "--yes"]);
}

/// In both orders: the secret is set first, or the plain value is removed first.
fn a_value_that_becomes_a_secret_leaves_no_plain_copy(sandbox: &Sandbox) {
    let write = |environment: &str| {
        sandbox.write(&format!(
            "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
             web: {{template: busybox, environment: {environment}}}\n"
        ));
        sandbox.ok(&["up", "--yes"]);
    };
    let set = |name: &str, value: &str| {
        let ran = sandbox.feed(value.as_bytes(), &["secret", "set", "STACK", name]);
        assert_eq!(ran.code, 0, "{ran}");
    };
    let is_kept = |value: &str| {
        let files = fs::read_dir(sandbox.home()).unwrap().flatten();
        let mut bytes = files.map(|file| fs::read(file.path()).unwrap_or_default());
        bytes.any(|bytes| bytes.windows(value.len()).any(|window| window == value.as_bytes()))
    };
    write("{ONE: plain-one, TWO: plain-two, XY: q7}");
    assert!(is_kept("plain-one") && is_kept("plain-two"));
    set("ONE", "plain-one");
    write("{ONE: \"${secret:ONE}\", TWO: plain-two}");
    assert!(!is_kept("plain-one"));
    write("{ONE: \"${secret:ONE}\"}");
    set("TWO", "plain-two");
    assert!(!is_kept("plain-two"));
    sandbox.ok(&["history", "show", "STACK"]);
    sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
}

fn a_rotation_killed_at_any_point_loses_nothing(sandbox: &Sandbox) {
    sandbox.with_secret();
    sandbox.ok(&["up", "--yes"]);
    for wait in 0..12 {
        let mut command = sandbox.command(&["secret", "rotate-key"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(wait * 8));
        signal(&child, Signal::KILL);
        child.wait().unwrap();
        sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
    }
    sandbox.ok(&["secret", "rotate-key"]);
    sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
    let stores = fs::read_to_string(sandbox.key_file()).unwrap();
    let keys = stores.lines().filter(|line| line.split_whitespace().count() == 3);
    assert_eq!(keys.count(), 1, "what killed rotations left is gone");
    assert_eq!(sandbox.json(&["secret", "list", "STACK"])[0]["name"], "KEY");
}

/// Two homes on one database stand for two machines.
fn a_key_can_be_moved_to_another_machine(sandbox: &Sandbox) {
    let in_other_home = |args: &[&str]| -> Ran {
        let mut command = sandbox.command(args);
        command.env("DEVARCH_HOME", sandbox.home().with_file_name("other-home"));
        sandbox.end(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    };
    sandbox.with_secret();
    sandbox.ok(&["up", "--yes"]);
    let refused = in_other_home(&["plan", "STACK"]);
    assert!(refused.stderr.contains("devarch secret key import FILE"), "{refused}");
    fs::write(sandbox.project().join("phrase"), "correct horse").unwrap();
    fs::write(sandbox.project().join("wrong"), "wrong horse").unwrap();
    sandbox.ok(&["secret", "key", "export", "team.key", "--passphrase-file", "phrase"]);
    assert_eq!(sandbox.project().join("team.key").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_ne!(sandbox.run(&["secret", "key", "export", "team.key", "--passphrase-file", "phrase"]).code, 0);
    let refused = in_other_home(&["secret", "key", "import", "team.key", "--passphrase-file", "wrong"]);
    assert_ne!(refused.code, 0, "{refused}");
    let imported = in_other_home(&["secret", "key", "import", "team.key", "--passphrase-file", "phrase"]);
    assert_eq!(imported.code, 0, "{imported}");
    let plan = in_other_home(&["plan", "STACK", "--detailed-exitcode"]);
    assert_eq!(plan.code, 0, "{plan}");
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

macro_rules! on_both_engines {
    ($($test:ident),* $(,)?) => {
        mod docker {
            use devarch_core::engine::EngineKind;
            $(#[test] fn $test() { super::on(EngineKind::Docker, super::$test); })*
        }
        mod podman {
            use devarch_core::engine::EngineKind;
            $(#[test] fn $test() { super::on(EngineKind::Podman, super::$test); })*
        }
    };
}

on_both_engines! {
    a_missing_key_is_reported_and_destroys_nothing,
    without_a_key_only_existing_containers_are_started,
    a_damaged_value_is_reported_and_the_others_still_work,
    a_value_that_becomes_a_secret_leaves_no_plain_copy,
    a_rotation_killed_at_any_point_loses_nothing,
}

mod postgres {
    use devarch_core::engine::EngineKind;

    #[test]
    fn a_key_can_be_moved_to_another_machine() {
        super::on_postgres(EngineKind::Docker, super::a_key_can_be_moved_to_another_machine);
    }

    #[test]
    fn a_rotation_killed_at_any_point_loses_nothing() {
        super::on_postgres(EngineKind::Docker, super::a_rotation_killed_at_any_point_loses_nothing);
    }
}
