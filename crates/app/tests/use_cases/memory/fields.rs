//! `set` and `unset`, field by field.

use crate::{
    harness::{Command, Sandbox, parsed},
    stacks::{shop, shop_of},
};
use devarch_app::{Conflict, ErrorKind, OperationError, Target, set_fields, stack_config, unset_fields};
use serde_json::{Value, json};

const WEB: &str = r#"web: {template: tool, command: ["sleep", "5"]}"#;

const TOOL: &str = r#"tool: {image: "busybox:1.37", environment: {A: "1", B: "2"}, ports: [80], volumes: ["data:/data"], healthcheck: {test: "exit 0", interval: 10s}, labels: {x: y}, config_files: {/etc/a.conf: hello}, resources: {limits: {memory: 64M}}}"#;

async fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new().await;
    sandbox.import("shop", shop_of("", &[TOOL], &[WEB, "db: {template: tool}"])).await;
    sandbox
}

async fn set(sandbox: &Sandbox, field: &str, value: &str) -> Result<(), OperationError> {
    sandbox.run("shop", Command::Set("web", field.to_owned().leak(), value.to_owned().leak())).await
}

/// Returns a part of the instance's effective config by a path such as `healthcheck/interval`.
async fn shown(sandbox: &Sandbox, path: &str) -> Value {
    let configs = stack_config(sandbox.ctx(), &parsed("shop"), Some(&parsed("web"))).await.unwrap();
    let config = Value::Object(configs.instances[0].config.clone());
    config.pointer(&format!("/{path}")).cloned().unwrap_or_default()
}

#[tokio::test]
async fn setting_one_entry_keeps_the_templates_other_entries() {
    let cases = [
        ("environment.A", "9", "environment", json!({"A": "9", "B": "2"})),
        ("environment.NEW", "on", "environment/NEW", json!("on")),
        ("labels.z", "q", "labels", json!({"x": "y", "z": "q"})),
        ("healthcheck.interval", "3s", "healthcheck/test", json!(["CMD-SHELL", "exit 0"])),
        ("resources.limits.pids", "9", "resources/limits/memory", json!("64m")),
        ("stop_grace_period", "7s", "image", json!("busybox:1.37")),
    ];
    for (field, value, path, expected) in cases {
        let sandbox = sandbox().await;
        set(&sandbox, field, value).await.unwrap();
        let found = shown(&sandbox, path).await;
        let same = found == expected || format!("{found}").contains(expected.to_string().trim_matches('"'));
        assert!(same, "{field}: {found} is not {expected}");
        let plain = stack_config(sandbox.ctx(), &parsed("shop"), Some(&parsed("db"))).await.unwrap();
        assert!(!format!("{:?}", plain.instances[0].config).contains("\"q\""), "its sister is as it was");
    }
}

#[tokio::test]
async fn unsetting_a_field_restores_the_templates_value() {
    let fields = [
        ("environment.A", "9"),
        ("environment.NEW", "9"),
        ("labels.z", "q"),
        ("healthcheck.interval", "3s"),
        ("ports.81", "auto"),
        ("volumes./more", "more"),
        ("image", "busybox:1.36"),
        ("command", "[sleep, '9']"),
        ("enabled", "false"),
    ];
    for (field, value) in fields {
        let sandbox = Sandbox::new().await;
        sandbox.import("shop", shop_of("", &[TOOL], &["web: {template: tool}"])).await;
        let before = sandbox.stack("shop").await;
        set(&sandbox, field, value).await.unwrap_or_else(|error| panic!("{field}: {error}"));
        assert_ne!(sandbox.stack("shop").await.instances, before.instances, "{field}");
        let whole = if matches!(field, "healthcheck.interval") { "healthcheck" } else { field };
        sandbox.unset("shop", "web", whole).await.unwrap();
        let (now, was) = (sandbox.stack("shop").await, before);
        let overrides = |stack: &devarch_core::stack::Stack| {
            let web = &stack.instances[&parsed("web")];
            (web.enabled, devarch_core::desired::effective(stack)[&parsed("web")].service.clone())
        };
        assert_eq!(overrides(&now), overrides(&was), "{field}");
    }
}

#[tokio::test]
async fn an_inherited_entry_is_removed_with_null_and_restored_by_unset() {
    let sandbox = sandbox().await;
    set(&sandbox, "environment.A", "null").await.unwrap();
    assert_eq!(shown(&sandbox, "environment").await, json!({"B": "2"}));
    sandbox.unset("shop", "web", "environment.A").await.unwrap();
    assert_eq!(shown(&sandbox, "environment").await, json!({"A": "1", "B": "2"}));
    set(&sandbox, "config_files./etc/a.conf", "null").await.unwrap();
    assert!(shown(&sandbox, "config_files").await.get("/etc/a.conf").is_none());
}

#[tokio::test]
async fn variable_names_and_file_paths_may_contain_dots() {
    let sandbox = sandbox().await;
    set(&sandbox, "environment.a.b.c", "dotted").await.unwrap();
    set(&sandbox, "config_files./etc/b.conf", "other").await.unwrap();
    assert_eq!(shown(&sandbox, "environment").await["a.b.c"], json!("dotted"));
    let stack = sandbox.stack("shop").await;
    let files = &stack.instances[&parsed("web")].overrides.config_files;
    assert_eq!(files.keys().collect::<Vec<_>>(), ["/etc/b.conf"], "the inherited one is not copied");
}

#[tokio::test]
async fn an_unknown_field_is_refused_with_the_most_similar_one() {
    let sandbox = sandbox().await;
    let cases = [
        ("imgae", "x", "did you mean `image`?"),
        ("enviroment.A", "x", "did you mean `environment`?"),
        ("template", "x", "is not a field of an instance"),
        ("environment.", "x", "is not a field of an instance"),
        ("enabled", "perhaps", "expected true or false"),
        ("environment.A.value", "x", "a variable is set as a whole"),
        ("environment.A.generate", "32", "a variable is set as a whole"),
        ("healthcheck.intervall", "3s", "interval"),
        ("ports.80", "nothing", "80"),
        ("image", "[a: b", "image"),
    ];
    let before = sandbox.stack("shop").await;
    for (field, value, words) in cases {
        let error = set(&sandbox, field, value).await.unwrap_err();
        assert!(error.to_string().contains(words), "{field}: {error}");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{field}");
        assert_eq!(sandbox.stack("shop").await, before, "{field}");
    }
}

#[tokio::test]
async fn several_fields_are_set_together_or_not_at_all() {
    let sandbox = sandbox().await;
    let target = Target { stack: parsed("shop"), instance: parsed("web") };
    let both = |second: &str| {
        [("environment.A", "5"), ("environment.B", second)].map(|(a, b)| (a.to_owned(), b.to_owned()))
    };
    let before = sandbox.stack("shop").await;
    set_fields(sandbox.ctx(), &target, &both("[1, 2]")).await.unwrap_err();
    assert_eq!(sandbox.stack("shop").await, before);
    set_fields(sandbox.ctx(), &target, &both("6")).await.unwrap();
    assert_eq!(shown(&sandbox, "environment").await, json!({"A": "5", "B": "6"}));
    let fields = ["environment.A", "environment.B"].map(str::to_owned);
    unset_fields(sandbox.ctx(), &target, &fields).await.unwrap();
    assert_eq!(shown(&sandbox, "environment").await, json!({"A": "1", "B": "2"}));
    let unknown = unset_fields(sandbox.ctx(), &target, &["imgae".to_owned()]).await.unwrap_err();
    assert!(unknown.to_string().contains("did you mean `image`"), "{unknown}");
}

#[tokio::test]
async fn a_secret_stays_secret_when_other_entries_are_edited() {
    let sandbox = Sandbox::new().await;
    sandbox
        .import(
            "shop",
            shop(&["web: {template: busybox, environment: {PW: {value: hush, secret: true}, A: x}}"]),
        )
        .await;
    set(&sandbox, "environment.A", "y").await.unwrap();
    set(&sandbox, "environment.MADE", "{generate: 20}").await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    let environment = sandbox.engine.request("devarch-shop-web").unwrap().spec.environment;
    assert_eq!(environment["PW"].reveal(), "hush");
    assert!(
        environment["PW"].is_secret() && environment["MADE"].is_secret() && !environment["A"].is_secret()
    );
    assert_eq!(environment["MADE"].reveal().len(), 20);
    assert!(!shown(&sandbox, "environment").await.to_string().contains("hush"));
}

#[tokio::test]
async fn the_placeholder_of_a_redacted_secret_is_not_accepted_as_a_value() {
    let sandbox = Sandbox::new().await;
    sandbox
        .import("shop", shop(&["web: {template: busybox, environment: {PW: {value: hush, secret: true}}}"]))
        .await;
    let redacted = shown(&sandbox, "environment/PW").await.to_string();
    let error = set(&sandbox, "environment.OTHER", &format!("{{value: {redacted}, secret: true}}")).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{redacted}: {error}");
    let stack = sandbox.stack("shop").await;
    let environment =
        devarch_core::desired::effective(&stack)[&parsed("web")].service.environment.clone().unwrap();
    assert_eq!(environment.keys().collect::<Vec<_>>(), ["PW"]);
}

#[tokio::test]
async fn an_instance_is_found_only_by_its_exact_name() {
    let sandbox = sandbox().await;
    let error = sandbox.run("shop", Command::Set("we", "image", "x:1")).await.unwrap_err();
    assert_eq!((error.kind(), error.hints()), (ErrorKind::NotFound, vec!["did you mean 'web'?".to_owned()]));
    let error = sandbox.run("none", Command::Set("web", "image", "x:1")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.hints()),
        (ErrorKind::NotFound, vec!["`devarch stack list` lists all".to_owned()])
    );
    assert!(!matches!(error, OperationError::Conflict(Conflict::NameTaken { .. })));
}
