//! `secret set`, `list`, `show`, `remove` and `unused`, and the operations that keep secrets.

use crate::common::Sandbox;
use devarch_core::engine::EngineKind;
use serde_json::{Value, json};
use std::fs;

const SHOP: &str = r#"
version: "1"
templates:
  app:
    image: busybox:1.37
    environment:
      FROM_TEMPLATE: { value: "one of the template", secret: true }
      MADE: { generate: 20 }
stacks:
  shop:
    secrets: { SALT: { generate: true }, KEY: }
    instances:
      web:
        template: app
        environment_add: { KEY: "${secret:KEY}", OWN: { value: "one of its own", secret: true } }
        config_files:
          /etc/key: { content: "key=${secret:KEY}" }
          /etc/own: { content: "a file of its own", secret: true }
      worker:
        template: app
        secrets: [KEY]
"#;

impl Sandbox {
    /// The values that a Compose file of the stack needs.
    fn values(&self, stack: &str) -> String {
        let directory = format!("compose-{}", fs::read_dir(self.project()).unwrap().count());
        self.ok(&["compose", stack, "--dir", &directory, "--secrets"]);
        let directory = self.project().join(directory);
        fs::read_to_string(directory.join(".env")).unwrap()
    }

    fn listed(&self, stack: &str) -> Vec<Value> {
        self.json(&["secret", "list", stack]).as_array().unwrap().clone()
    }

    fn secret<'a>(listed: &'a [Value], name: &str) -> &'a Value {
        listed.iter().find(|secret| secret["name"] == name).unwrap_or_else(|| panic!("no {name}: {listed:?}"))
    }
}

fn shop() -> Sandbox {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    let ran = sandbox.feed(b"hunter2\n", &["secret", "set", "shop", "KEY"]);
    assert_eq!(ran.code, 0, "{ran}");
    sandbox
}

#[test]
fn a_secret_is_set_from_stdin_or_a_file_or_generated_and_never_from_an_argument() {
    let sandbox = shop();
    assert!(sandbox.values("shop").contains("KEY='hunter2'"), "{}", sandbox.values("shop"));
    fs::write(sandbox.project().join("key.pem"), "line one\nline two\n").unwrap();
    sandbox.ok(&["secret", "set", "shop", "KEY", "--from-file", "key.pem"]);
    assert!(sandbox.values("shop").contains("KEY='line one\nline two\n'"), "{}", sandbox.values("shop"));
    sandbox.ok(&["secret", "set", "shop", "KEY", "--generate=40", "--charset", "hex"]);
    let values = sandbox.values("shop");
    let (_, made) = values.split_once("KEY='").unwrap();
    let made = made.split_once('\'').unwrap().0;
    assert!(made.len() == 40 && made.bytes().all(|byte| byte.is_ascii_hexdigit()), "{values}");
    for argument in
        [&["secret", "set", "shop", "KEY", "hunter3"][..], &["secret", "set", "shop", "KEY=hunter3"]]
    {
        let refused = sandbox.fails(3, argument);
        assert!(!refused.to_string().contains("hunter3"), "{refused}");
        assert!(refused.stderr.contains("a value is never an argument"), "{refused}");
    }
    for refused in [
        &["secret", "set", "shop", "KEY", "--generate=3"][..],
        &["secret", "set", "shop", "bad name"],
        &["secret", "set", "shop", "KEY", "--from-file", "missing"],
    ] {
        assert_ne!(sandbox.run(refused).code, 0, "{refused:?}");
    }
    let empty = sandbox.feed(b"\n", &["secret", "set", "shop", "KEY"]);
    assert!(empty.stderr.contains("would be empty; it was not set"), "{empty}");
    assert_eq!(sandbox.values("shop"), values);
}

#[test]
fn secrets_are_listed_with_their_uses_and_without_their_values() {
    let sandbox = shop();
    let listed = sandbox.listed("shop");
    let users = |name: &str| Sandbox::secret(&listed, name)["used_by"].clone();
    assert_eq!(
        users("KEY"),
        json!([
            {"instance": "web", "field": "environment.KEY"},
            {"instance": "web", "field": "config_files./etc/key"},
            {"instance": "worker", "field": "secrets"},
        ])
    );
    assert_eq!(users("SALT"), json!([]));
    assert_eq!(Sandbox::secret(&listed, "MADE")["instance"], "web");
    assert_eq!(listed.len(), 4, "{listed:?}");
    let unused = sandbox.json(&["secret", "unused", "shop"]);
    assert_eq!(unused.as_array().unwrap().len(), 1);
    assert_eq!(unused[0]["name"], "SALT");
    let text = sandbox.ok(&["secret", "list", "shop"]);
    assert!(!text.to_string().contains("hunter2"), "{text}");
}

#[test]
fn only_unused_secrets_can_be_removed() {
    let sandbox = shop();
    let refused = sandbox.fails(5, &["secret", "remove", "shop", "KEY"]);
    assert!(
        refused.stderr.contains("is used by web.environment.KEY, web.config_files./etc/key"),
        "{refused}"
    );
    let refused = sandbox.fails(5, &["secret", "remove", "shop", "SALT"]);
    assert!(refused.stderr.contains("its devarch.yml declares it"), "{refused}");
    sandbox.ok(&["secret", "set", "shop", "SPARE", "--generate"]);
    sandbox.ok(&["secret", "remove", "shop", "SPARE"]);
    let refused = sandbox.fails(4, &["secret", "remove", "shop", "SPARE"]);
    assert!(refused.stderr.contains("has no secret 'SPARE'"), "{refused}");
}

#[test]
fn a_value_is_shown_only_on_a_terminal_and_after_confirmation() {
    let sandbox = shop();
    for (args, value) in [
        (&["secret", "show", "shop", "KEY", "--reveal"][..], "hunter2"),
        (&["secret", "show", "shop/web", "OWN", "--reveal"], "one of its own"),
        (&["secret", "show", "shop/web", "FROM_TEMPLATE", "--reveal"], "one of the template"),
    ] {
        let piped = sandbox.run(args);
        assert_ne!(piped.code, 0, "{piped}");
        assert!(!piped.to_string().contains(value), "{piped}");
        // `--yes` does not skip this question.
        let mut terminal = sandbox.at_terminal((100, 20), &[args, &["--yes"]].concat());
        terminal.shows("Show the value of");
        terminal.press("n\r");
        let ran = terminal.end();
        assert!(!ran.stdout.contains(value), "{ran}");
        let mut terminal = sandbox.at_terminal((100, 20), args);
        terminal.shows("Show the value of");
        terminal.press("y\r");
        let ran = terminal.end();
        assert!(ran.stdout.contains(value), "{ran}");
    }
    assert_eq!(sandbox.run(&["secret", "show", "shop", "KEY"]).code, 2);
}

#[test]
fn a_typed_secret_is_not_echoed() {
    let sandbox = shop();
    let mut terminal = sandbox.at_terminal((100, 20), &["secret", "set", "shop", "KEY"]);
    terminal.shows("Secret 'KEY' of stack 'shop':");
    terminal.press("correct horse\r");
    terminal.shows("Once more:");
    terminal.press("correct horse\r");
    let ran = terminal.end();
    assert_eq!(ran.code, 0, "{ran}");
    assert!(!ran.stdout.contains("correct horse"), "{ran}");
    assert!(sandbox.values("shop").contains("KEY='correct horse'"));
}

#[test]
fn copies_edits_and_renames_keep_secrets() {
    let sandbox = shop();
    let before = sandbox.values("shop");
    for value in ["one of its own", "one of the template", "hunter2"] {
        assert!(before.contains(value), "{before}");
    }
    sandbox.ok(&["stack", "clone", "shop", "copy"]);
    assert_eq!(sandbox.values("copy"), before);
    sandbox.ok(&["stack", "rename", "shop", "store"]);
    sandbox.ok(&["instance", "rename", "store", "web", "web2"]);
    sandbox.ok(&["set", "store/web2", "stop_grace_period=3s", "environment.PLAIN=1", "labels.a=b"]);
    sandbox.ok(&["unset", "store/web2", "environment.PLAIN"]);
    let after = sandbox.values("store").replace("WEB2_", "WEB_");
    let lines = |text: &str| -> Vec<String> {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(&after), lines(&before));
}

#[test]
fn an_override_of_a_templates_secret_is_encrypted_too() {
    let sandbox = shop();
    sandbox.ok(&["set", "shop/web", "environment.FROM_TEMPLATE=said plainly"]);
    assert!(sandbox.values("shop").contains("said plainly"));
    let config = sandbox.ok(&["config", "shop/web", "--json"]);
    assert!(!config.stdout.contains("said plainly"), "{config}");
    for file in fs::read_dir(sandbox.home()).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains("said plainly"));
    }
}

#[test]
fn a_placeholder_does_not_become_the_secret() {
    let sandbox = shop();
    let before = sandbox.values("shop");
    let refused =
        sandbox.fails(3, &["set", "shop/web", "environment.NEW={value: \"[REDACTED]\", secret: true}"]);
    assert!(
        refused.stderr.contains("environment_add.NEW: this is the placeholder of a redacted secret"),
        "{refused}"
    );
    assert_eq!(sandbox.values("shop"), before);
}

#[test]
fn setting_the_first_secret_loads_the_directorys_stack() {
    let sandbox = Sandbox::without_engine();
    sandbox.write(SHOP);
    let ran = sandbox.feed(b"hunter2", &["secret", "set", "KEY"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("loaded stack 'shop' from devarch.yml"), "{ran}");
    assert!(sandbox.values("shop").contains("KEY='hunter2'"));
}

#[test]
fn secrets_in_a_definition_are_validated() {
    let sandbox = Sandbox::without_engine();
    sandbox.write(
        r#"
version: "1"
stacks:
  shop:
    secrets: { bad name: , A: { generate: 3 }, B: { value: hunter2 } }
    instances:
      web:
        template: busybox
        environment: { X: { generate: { length: 20, charset: emoji } }, Y: { generate: 20, value: hunter2 } }
        secrets: [KEY, { target: /x }, { source: KEY, target: ../x }, KEY]
"#,
    );
    let ran = sandbox.fails(3, &["up", "--yes"]);
    assert!(!ran.to_string().contains("hunter2"), "{ran}");
    for message in [
        "\"bad name\" cannot be a secret's name",
        "a generated secret has 16 to 1024 characters",
        "a secret's value is not written in the file; set it with `devarch secret set`",
        "\"emoji\" is not one of alphanumeric, hex, base64url, printable",
        "`value` and `generate` are both there; keep one",
        "`source` is missing",
        "may not contain `.` or `..`",
        "two secrets are put into /run/secrets/KEY",
    ] {
        assert!(ran.stderr.contains(message), "{message}\n{ran}");
    }
}

#[test]
fn a_part_of_a_variable_cannot_be_set() {
    let sandbox = Sandbox::without_engine();
    sandbox.define("version: \"1\"\nstacks:\n  STACK:\n    instances:\n      w: {template: busybox}\n");
    insta::assert_snapshot!(sandbox.fails(3, &["set", "shop/w", "environment.A.secret=true"]), @"
    --- stderr
    error: shop/w: environment.A.secret: a variable is set as a whole: environment.A='{value: ..., secret: true}', or environment.A='{generate: 32}'
    --- exit 3
    ");
    sandbox.ok(&["set", "shop/w", "environment.discovery.type=single-node"]);
}

#[test]
fn a_secret_that_would_be_lost_in_a_volume_is_reported_on_docker() {
    let Some(sandbox) = Sandbox::on(EngineKind::Docker) else { return };
    sandbox.write(
        "version: \"1\"\nstacks:\n  STACK:\n    secrets: {KEY: {generate: 32}}\n    instances:\n      \
         w: {template: busybox, volumes: ['data:/data'], secrets: [{source: KEY, target: /data/key}]}\n",
    );
    insta::assert_snapshot!(sandbox.fails(3, &["up", "--yes"]), @"
    --- stderr
    error: stacks.STACK.instances.w.secrets.KEY: the file would lie in volume devarch-STACK-w-data at /data and be lost there; move one of them
     --> $ROOT/project/devarch.yml:6:65
      |
    6 |       w: {template: *******, volumes: ['**********'], secrets: [{source: ***, target: *********}]}
      |                                                                 ^^^^^^^
    --- exit 3
    ");
}
