//! Commands that need no engine: names, files and definitions; what they reject, and with which exit code.

mod common;

use common::Sandbox;
use insta::assert_snapshot;
use std::process::Stdio;

const SHOP: &str = r#"
version: "1"
stacks:
  shop:
    instances:
      web: { template: busybox, ports: ["127.0.0.1:18080:80"], environment: { GREETING: hello } }
      db: { template: postgres }
"#;

#[test]
fn an_invalid_name_is_rejected_with_a_valid_suggestion() {
    let sandbox = Sandbox::without_engine();
    assert_snapshot!(sandbox.run(&["stack", "create", "My_Shop"]), @r#"
    --- stderr
    error: invalid value 'My_Shop' for '<NAME>': "My_Shop" is not a valid stack name: only a-z, 0-9 and '-' are allowed; "my-shop" would be accepted

    For more information, try '--help'.
    --- exit 3
    "#);
}

#[test]
fn all_errors_of_a_file_are_reported_at_once_with_their_positions() {
    let sandbox = Sandbox::without_engine();
    sandbox.write(
        "version: \"1\"\nstacks:\n  shop:\n    instances:\n      web:\n        template: busybox\n        imagee: x\n        ports: [\"99999\"]\n      db: { templat: postgres }\n",
    );
    assert_snapshot!(sandbox.run(&["up"]), @r#"
    --- stderr
    error: stacks.shop.instances.web.imagee: unknown field `imagee`; did you mean `image`?
     --> $ROOT/project/devarch.yml:7:9
      |
    7 |         imagee: x
      |         ^^^^^^
      |
    error: stacks.shop.instances.web.ports[0]: port 99999 is out of range, ports go from 1 to 65535
     --> $ROOT/project/devarch.yml:8:17
      |
    8 |         ports: ["99999"]
      |                 ^^^^^^^
    error: stacks.shop.instances.db: `template` is missing
     --> $ROOT/project/devarch.yml:9:11
      |
    9 |       db: { templat: postgres }
      |           ^
    error: stacks.shop.instances.db.templat: unknown field `templat`; did you mean `template`?
     --> $ROOT/project/devarch.yml:9:13
      |
    9 |       db: { templat: postgres }
      |             ^^^^^^^
    --- exit 3
    "#);
}

#[test]
fn invalid_yaml_is_reported_with_its_position() {
    let sandbox = Sandbox::without_engine();
    sandbox.write("version: \"1\"\nstacks: [\n");
    assert_snapshot!(sandbox.run(&["up"]), @"
    --- stderr
    error: this is not valid YAML: unclosed bracket '['
     --> $ROOT/project/devarch.yml:2:9
      |
    2 | stacks: [
      |         ^
    --- exit 3
    ");
}

#[test]
fn an_unknown_template_is_rejected_with_the_nearest_name() {
    let sandbox = Sandbox::without_engine();
    sandbox.ok(&["stack", "create", "shop"]);
    assert_snapshot!(sandbox.run(&["instance", "add", "shop", "db", "postgers"]), @"
    --- stderr
    error: template 'postgers' not found
    help: did you mean 'postgres'?
    --- exit 4
    ");
}

#[test]
fn an_unknown_field_is_rejected_with_the_nearest_name() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    assert_snapshot!(sandbox.run(&["set", "shop/web", "imag=nginx"]), @"
    --- stderr
    error: shop/web: imag: `imag` is not a field of an instance; did you mean `image`?
    --- exit 3
    ");
}

#[test]
fn an_unknown_stack_or_instance_is_not_found() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    assert_snapshot!(sandbox.run(&["plan", "shoop"]), @"
    --- stderr
    error: stack 'shoop' not found
    help: did you mean 'shop'?
    --- exit 4
    ");
    assert_snapshot!(sandbox.run(&["config", "shop/wep"]), @"
    --- stderr
    error: stack 'shop' has no instance 'wep'
    help: did you mean 'web'?
    --- exit 4
    ");
}

#[test]
fn a_taken_name_is_a_conflict() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    assert_snapshot!(sandbox.run(&["stack", "create", "shop"]), @"
    --- stderr
    error: stack name shop is already taken by the stack made from $ROOT/project
    help: 'shop-2' is free
    --- exit 5
    ");
    assert_snapshot!(sandbox.run(&["instance", "add", "shop", "web", "redis"]), @"
    --- stderr
    error: instance 'web' of stack 'shop' already exists
    help: 'web-2' is free
    --- exit 5
    ");
}

#[test]
fn two_instances_cannot_have_the_same_container_name() {
    let sandbox = Sandbox::without_engine();
    sandbox.ok(&["stack", "create", "a-b"]);
    sandbox.ok(&["instance", "add", "a-b", "c", "busybox"]);
    sandbox.ok(&["stack", "create", "a"]);
    assert_snapshot!(sandbox.run(&["instance", "add", "a", "b-c", "busybox"]), @"
    --- stderr
    error: container name devarch-a-b-c is already taken by instance 'c' of stack 'a-b'
    help: 'b-c-2' is free
    --- exit 5
    ");
}

#[test]
fn a_port_of_another_stack_is_a_conflict_that_names_its_owner() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    sandbox.ok(&["stack", "create", "other"]);
    sandbox.ok(&["instance", "add", "other", "web", "busybox"]);
    assert_snapshot!(sandbox.run(&["set", "other/web", "ports.80=18080"]), @"
    --- stderr
    error: stack 'other': host ports are already in use:
      web.ports.80/tcp: host port 18080 belongs to instance 'web' of stack 'shop'; choose another, or `auto`
    --- exit 5
    ");
}

#[test]
fn a_stack_of_another_directory_is_refused_and_up_as_creates_a_copy() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    let second = sandbox.project().join("../second");
    std::fs::create_dir(&second).unwrap();
    let text = SHOP.replace("127.0.0.1:18080:80", "80");
    std::fs::write(second.join("devarch.yml"), text).unwrap();
    assert_snapshot!(sandbox.run(&["-C", "../second", "up"]), @"
    --- stderr
    error: stack 'shop' was made from $ROOT/project, not from $ROOT/second
    help: `devarch up --as NAME` makes a stack of its own from this directory
    --- exit 5
    ");
    sandbox.fails(6, &["-C", "../second", "up", "--as", "shop2", "--yes"]);
    assert!(
        !sandbox.ok(&["stack", "list"]).stdout.contains("shop2"),
        "nothing is saved before it can be planned"
    );
    sandbox.define_in(&second, Some("shop2"));
    assert!(sandbox.ok(&["stack", "list"]).stdout.contains("shop2"));
    // From here on the directory's stack is the default.
    sandbox.fails(6, &["-C", "../second", "up"]);
    assert!(sandbox.ok(&["-C", "../second", "stack", "show"]).stdout.contains("shop2"));
    assert!(sandbox.ok(&["stack", "show"]).stdout.starts_with("shop\n"));
}

#[test]
fn a_directory_with_several_stacks_asks_for_a_name() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    sandbox.ok(&["unset", "shop/web", "ports"]);
    sandbox.ok(&["stack", "clone", "shop", "copy"]);
    assert_snapshot!(sandbox.run(&["config", "/web"]), @"
    --- stderr
    error: several stacks were made from $ROOT/project: copy, shop
    help: name the stack
    --- exit 5
    ");
}

#[test]
fn without_a_devarch_yml_a_stack_has_to_be_named() {
    let sandbox = Sandbox::without_engine();
    assert_snapshot!(sandbox.run(&["plan"]), @"
    --- stderr
    error: name a stack: no devarch.yml found in $ROOT/project or above (`devarch init` writes one)
    --- exit 3
    ");
    sandbox.write(SHOP);
    assert_snapshot!(sandbox.run(&["plan"]), @"
    --- stderr
    error: find an engine: connect to unix:///nonexistent/engine.sock (DEVARCH_ENGINE): No such file or directory (os error 2)
    help: `devarch doctor` lists the engines that were tried and how to fix each
    --- exit 6
    ");
}

#[test]
fn set_and_unset_report_what_they_changed() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    let args = [
        "set",
        "/web",
        "image=busybox:1.36",
        "environment.GREETING=hi",
        "environment.NEW=1",
        "ports.80=18081",
    ];
    assert_snapshot!(sandbox.run(&args), @"
    ~ web.environment.GREETING: hello => hi
    ~ web.environment.NEW: + 1
    ~ web.image: busybox:1.37 => busybox:1.36
    ~ web.ports: 127.0.0.1:18080->80 => 127.0.0.1:18081->80
    --- exit 0
    ");
    assert_snapshot!(sandbox.run(&["set", "/db", "healthcheck.interval=5s"]), @"
    ~ db.healthcheck.interval: 10s => 5s
    --- exit 0
    ");
    assert_snapshot!(sandbox.run(&["set", "/web", "volumes./data=data"]), @"
    ~ web.volumes./data.volume: + devarch-shop-web-data
    --- exit 0
    ");
    assert_snapshot!(sandbox.run(&["unset", "/web", "image", "environment", "volumes./data"]), @"
    ~ web.environment.GREETING: - hi
    ~ web.environment.NEW: - 1
    ~ web.image: busybox:1.36 => busybox:1.37
    ~ web.volumes./data.volume: - devarch-shop-web-data
    --- exit 0
    ");
    assert_snapshot!(sandbox.run(&["unset", "/web", "image"]), @"
    --- stderr
    nothing changed
    --- exit 0
    ");
}

#[test]
fn a_changed_secret_is_reported_without_its_value() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    let ran = sandbox.ok(&["set", "/db", "environment.POSTGRES_PASSWORD=hunter2"]);
    assert_snapshot!(ran, @"
    ~ db.environment.POSTGRES_PASSWORD: secret changed
    --- exit 0
    ");
    for args in [
        &["config", "shop"][..],
        &["config", "shop", "--json"],
        &["instance", "show", "shop", "db", "--json"],
    ] {
        let ran = sandbox.ok(args);
        assert!(!ran.stdout.contains("hunter2"), "{ran}");
    }
}

#[test]
fn config_shows_the_origin_of_each_value() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    assert_snapshot!(sandbox.run(&["config", "/web", "--origin"]), @r#"
    web:
      image: busybox:1.37  # template
      command:  # template
      - sleep
      - infinity
      hostname: web  # default
      restart: unless-stopped  # template
      stop_grace_period: 1s  # template
      environment:
        GREETING: hello  # override
      resources:  # template
        limits:
          cpus: "1"
          memory: 64m
          pids: 64
      ports:
        80/tcp: 127.0.0.1:18080  # override
    --- exit 0
    "#);
}

#[test]
fn config_prints_yaml() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    for args in [&["config"][..], &["config", "--origin"]] {
        let ran = sandbox.ok(args);
        let yaml = devarch_core::read::parse_yaml(&ran.stdout).unwrap().to_json();
        assert_eq!(yaml["db"]["environment"]["POSTGRES_PASSWORD"], "[REDACTED]");
    }
}

#[test]
fn a_template_generates_a_password_for_each_instance() {
    let ran = Sandbox::without_engine().ok(&["catalog", "show", "postgres"]);
    assert!(ran.stdout.contains("POSTGRES_PASSWORD:\n      generate:\n        length: 32\n"), "{ran}");
}

#[test]
fn a_custom_template_is_added_listed_and_removed() {
    let sandbox = Sandbox::without_engine();
    let file = sandbox.project().join("mine.yaml");
    std::fs::write(&file, "name: mine\ndescription: Mine.\nimage: mine:1\nports: [\"80\"\n").unwrap();
    assert_snapshot!(sandbox.run(&["catalog", "add", "mine.yaml"]), @r#"
    --- stderr
    error: this is not valid YAML: unclosed bracket '['
     --> $ROOT/project/mine.yaml:4:8
      |
    4 | ports: ["80"
      |        ^^^^^
    --- exit 3
    "#);
    std::fs::write(&file, "name: mine\ndescription: Mine.\nimage: mine:1\n").unwrap();
    sandbox.ok(&["catalog", "add", "mine.yaml"]);
    assert_snapshot!(sandbox.run(&["catalog", "add", "mine.yaml"]), @"
    --- stderr
    error: template 'mine' in $ROOT/home/catalog already exists
    help: --replace replaces it
    --- exit 5
    ");
    assert!(sandbox.ok(&["catalog", "search", "MINE"]).stdout.contains("mine:1"));
    sandbox.ok(&["catalog", "remove", "mine"]);
    sandbox.fails(4, &["catalog", "show", "mine"]);
    sandbox.fails(5, &["catalog", "remove", "postgres"]);
}

#[test]
fn an_unreachable_engine_is_an_error_and_not_an_empty_one() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    assert_snapshot!(sandbox.run(&["plan"]), @"
    --- stderr
    error: find an engine: connect to unix:///nonexistent/engine.sock (DEVARCH_ENGINE): No such file or directory (os error 2)
    help: `devarch doctor` lists the engines that were tried and how to fix each
    --- exit 6
    ");
}

#[test]
fn an_unusable_store_has_its_own_exit_code() {
    let sandbox = Sandbox::without_engine();
    std::fs::write(sandbox.home(), "a file, not a directory").unwrap();
    let ran = sandbox.fails(7, &["stack", "list"]);
    assert!(ran.stderr.starts_with("error: "), "{ran}");
}

#[test]
fn usage_errors_and_invalid_values_have_different_exit_codes() {
    let sandbox = Sandbox::without_engine();
    sandbox.fails(2, &["nonsense"]);
    sandbox.fails(2, &["set", "shop/web"]);
    sandbox.fails(3, &["set", "shop", "image=x"]);
    sandbox.fails(3, &["set", "shop/web", "image"]);
    sandbox.fails(3, &["logs", "shop", "--since", "yesterday"]);
    sandbox.fails(3, &["-C", "/nonexistent", "status"]);
    sandbox.ok(&["--help"]);
    sandbox.ok(&["help", "up"]);
}

#[test]
fn help_documents_the_exit_codes() {
    let help = Sandbox::without_engine().ok(&["--help"]).stdout;
    for line in ["0    success", "3    a name, value or file is invalid", "130  cancelled"] {
        assert!(help.contains(line), "{help}");
    }
}

#[test]
fn an_instance_name_is_never_invented() {
    let sandbox = Sandbox::without_engine();
    sandbox.ok(&["stack", "create", "shop"]);
    assert_snapshot!(sandbox.run(&["instance", "add", "shop", "redis"]), @"
    --- stderr
    error: a name and a template are required: instance add STACK NAME redis
    --- exit 3
    ");
}

#[test]
fn stacks_are_listed_renamed_copied_disabled_and_deleted() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    sandbox.ok(&["unset", "shop/web", "ports"]);
    sandbox.ok(&["stack", "clone", "shop", "copy"]);
    sandbox.ok(&["stack", "rename", "copy", "second"]);
    sandbox.ok(&["stack", "disable", "second"]);
    sandbox.ok(&["instance", "rename", "second", "web", "front"]);
    sandbox.ok(&["instance", "remove", "second", "db"]);
    assert_snapshot!(sandbox.ok(&["stack", "list"]), @"
    STACK   INSTANCES  ENGINE  ENABLED  PROJECT
    second  1          -       no       $ROOT/project
    shop    2          -       yes      $ROOT/project
    --- exit 0
    ");
    assert_eq!(sandbox.json(&["stack", "show", "second"])["instances"][0]["name"], "front");
    sandbox.ok(&["stack", "delete", "second"]);
    sandbox.fails(4, &["stack", "show", "second"]);
}

#[test]
fn a_copied_stack_has_its_own_ports_and_volumes() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    sandbox.ok(&["unset", "shop/web", "ports"]);
    sandbox.ok(&["stack", "clone", "shop", "copy"]);
    let of = |stack: &str| sandbox.json(&["instance", "show", stack, "db"]);
    assert_ne!(of("shop")["ports"], of("copy")["ports"]);
    assert_eq!(of("copy")["volumes"]["data"], "devarch-copy-db-data");
}

#[test]
fn status_works_without_stacks_and_without_applies() {
    let sandbox = Sandbox::without_engine();
    assert_snapshot!(sandbox.run(&["status"]), @"
    no stacks yet; `devarch init` and `devarch up` create one
    --- exit 0
    ");
    assert_eq!(sandbox.json(&["status"])["stacks"].as_array().unwrap().len(), 0);
    sandbox.define(SHOP);
    let stack = &sandbox.json(&["status"])["stacks"][0];
    assert_eq!(stack["instances"][0]["waiting"]["reason"], "not_applied");
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let sandbox = Sandbox::without_engine();
    let mut child =
        sandbox.command(&["catalog", "list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ran = sandbox.end(child);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran}");
}

#[test]
fn errors_are_json_with_the_json_flag() {
    let ran = Sandbox::without_engine().fails(4, &["plan", "nope", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(error["error"]["exit_code"], 4);
    let ran = Sandbox::without_engine().fails(3, &["stack", "create", "My_Shop", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(error["error"]["exit_code"], 3);
    assert!(error["error"]["message"].as_str().unwrap().contains("my-shop"), "{ran}");
}

#[test]
fn a_missing_config_file_is_reported_with_its_position() {
    let sandbox = Sandbox::without_engine();
    sandbox.write(
        "version: \"1\"\nstacks:\n  shop:\n    instances:\n      web:\n        template: busybox\n        \
         config_files:\n          /etc/web.conf: {file: ./nope}\n",
    );
    let ran = sandbox.fails(3, &["up", "--yes"]);
    assert!(ran.stderr.contains("devarch.yml:8:26"), "{ran}");
    assert!(ran.stderr.contains("/project/nope cannot be read: No such file or directory"), "{ran}");
    assert!(ran.stderr.contains("create that file, or correct `file`"), "{ran}");
}

#[test]
fn the_shell_completes_stacks_instances_and_templates() {
    let sandbox = Sandbox::without_engine();
    let complete = |words: &[&str]| {
        let at = (words.len() - 1).to_string();
        let mut command = sandbox.command(&[&["--"], words].concat());
        command.env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", at).env("_CLAP_IFS", "\n");
        let ran = sandbox.end(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        assert_eq!(ran.stderr, "", "{ran}");
        ran.stdout
    };
    assert_eq!(complete(&["devarch", "plan", "sh"]), "", "nothing is there yet");
    assert!(!sandbox.home().exists(), "completing makes no home");
    sandbox.define(SHOP);
    assert_eq!(complete(&["devarch", "plan", "sh"]), "shop");
    assert_eq!(complete(&["devarch", "logs", "shop/w"]), "shop/web");
    assert_eq!(complete(&["devarch", "catalog", "show", "postg"]), "postgres");
    assert_eq!(complete(&["devarch", "catal"]), "catalog");
}

#[test]
fn completions_and_manual_are_printed() {
    let sandbox = Sandbox::without_engine();
    for shell in ["bash", "zsh", "fish"] {
        assert!(sandbox.ok(&["completions", shell]).stdout.contains("COMPLETE"), "{shell}");
        assert!(sandbox.ok(&["completions", shell, "--static"]).stdout.contains("catalog"), "{shell}");
    }
    assert!(sandbox.ok(&["man"]).stdout.contains(".TH devarch 1"));
    assert!(sandbox.ok(&["man", "stack", "delete"]).stdout.contains("volumes"));
}

#[test]
fn doctor_fails_without_an_engine_and_suggests_a_fix() {
    let sandbox = Sandbox::without_engine();
    let ran = sandbox.fails(1, &["doctor"]);
    assert!(ran.stdout.contains("FAIL  none answers; tried unix:///nonexistent/engine.sock"), "{ran}");
    assert!(ran.stdout.contains("mend engine: start Docker"), "{ran}");
}

#[test]
fn init_writes_a_file_that_up_reads() {
    let sandbox = Sandbox::without_engine();
    assert_snapshot!(sandbox.run(&["init", "redis"]), @"
    --- stderr
    error: name the stack: --stack project, or --yes to accept that name
    --- exit 3
    ");
    assert_snapshot!(sandbox.run(&["init", "--stack", "shop", "db=postgres", "redis"]), @"
    $ROOT/project/devarch.yml
    --- stderr
    `devarch up` brings it up
    --- exit 0
    ");
    assert_snapshot!(std::fs::read_to_string(sandbox.project().join("devarch.yml")).unwrap(), @r#"
    version: "1"
    stacks:
      shop:
        instances:
          db:
            template: postgres
          redis:
            template: redis
    "#);
    sandbox.define_in(&sandbox.project(), None);
    assert_eq!(sandbox.json(&["stack", "show"])["instances"][0]["template"], "postgres");
    assert_snapshot!(sandbox.run(&["init", "--stack", "shop", "redis"]), @"
    --- stderr
    error: $ROOT/project/devarch.yml already exists
    help: --force overwrites it
    --- exit 5
    ");
    sandbox.ok(&["init", "--stack", "shop", "redis", "--force"]);
    sandbox.fails(4, &["init", "--stack", "shop", "radis", "--force"]);
    sandbox.fails(3, &["init", "--stack", "shop", "--force"]);
}

#[test]
fn init_imports_a_compose_file_and_notes_what_it_left_out() {
    let sandbox = Sandbox::without_engine();
    let text = "name: shop\nservices:\n  web:\n    image: busybox:${TAG}\n    ports: [\"80\"]\n    logging: {driver: none}\n";
    std::fs::write(sandbox.project().join("compose.yml"), text).unwrap();
    std::fs::write(sandbox.project().join(".env"), "# a comment\nTAG=\"1.37\"\n").unwrap();
    assert_snapshot!(sandbox.run(&["init", "--from", "compose.yml", "--yes"]), @"
    $ROOT/project/devarch.yml
    --- stderr
    note: compose.yml:6:14: services.web.logging: `logging` is not supported and was left out; the engine's default is used; see devarch logs
    `devarch up` brings it up
    --- exit 0
    ");
    assert_snapshot!(std::fs::read_to_string(sandbox.project().join("devarch.yml")).unwrap(), @r#"
    version: "1"
    stacks:
      shop:
        instances:
          web:
            template: web
    templates:
      web:
        image: busybox:1.37
        ports:
        - "80"
    "#);
    sandbox.fails(6, &["up", "--yes"]);
    sandbox.fails(4, &["init", "--from", "nowhere.yml", "--yes", "--force"]);
}

#[test]
fn init_stores_likely_secrets_under_a_free_stack_name() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    let copy = sandbox.project().join("Copy");
    std::fs::create_dir(&copy).unwrap();
    let text = "name: shop\nservices:\n  web:\n    image: busybox:${TAG}\n    environment: {A: \"${API_TOKEN}\", B: \"${DB_PASSWORD}\", C: \"${UNSET}\"}\n";
    std::fs::write(copy.join("compose.yml"), text).unwrap();
    std::fs::write(copy.join(".env"), "API_TOKEN=hunter2\nTAG=1.37\n").unwrap();
    let init = ["-C", "Copy", "init", "--from", "compose.yml", "--yes"];
    let ran = sandbox.ok(&init);
    for message in [
        "unset variables, replaced by nothing: UNSET (5:",
        "secrets without a value: DB_PASSWORD (5:",
        "another directory has a stack 'shop' already; this one is named 'shop-copy'",
        "stored secrets of stack 'shop-copy': API_TOKEN\n",
    ] {
        assert!(ran.stderr.contains(message), "{message}: {ran}");
    }
    let written = std::fs::read_to_string(copy.join("devarch.yml")).unwrap();
    assert!(written.contains("shop-copy:") && !written.contains("hunter2"), "{written}");
    let secrets = sandbox.json(&["secret", "list", "shop-copy"]);
    let set: Vec<(&str, bool)> = secrets
        .as_array()
        .unwrap()
        .iter()
        .map(|secret| (secret["name"].as_str().unwrap(), secret["set"].as_bool().unwrap()))
        .collect();
    assert_eq!(set, [("API_TOKEN", true), ("DB_PASSWORD", false)]);
    assert_eq!(
        sandbox.json(&["secret", "list", "shop"]).as_array().map(Vec::len),
        Some(1),
        "the other stack's"
    );
    std::fs::write(copy.join(".env"), "API_TOKEN=hunter3\nDB_PASSWORD=pass-it\nTAG=1.37\n").unwrap();
    sandbox.fails(5, &init);
    sandbox.ok(&[&init[..], &["--force"]].concat());
    let files: Vec<u8> = std::fs::read(sandbox.home().join("devarch.db")).unwrap();
    for value in ["hunter2", "hunter3", "pass-it"] {
        assert!(!files.windows(value.len()).any(|window| window == value.as_bytes()), "{value}");
    }
    let secrets = sandbox.json(&["secret", "list", "shop-copy"]);
    assert!(secrets.as_array().unwrap().iter().all(|secret| secret["set"] == true), "{secrets}");
    std::fs::write(copy.join(".env"), "A B=hunter2\n").unwrap();
    let ran = sandbox.fails(3, &[&init[..], &["--force"]].concat());
    assert!(ran.stderr.contains(".env:1:1") && !ran.stderr.contains("hunter2"), "{ran}");
}

#[test]
fn a_compose_file_is_printed_without_an_engine_and_without_secrets() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    let ran = sandbox.ok(&["compose"]);
    assert!(ran.stdout.contains("POSTGRES_PASSWORD: ${"), "{ran}");
    assert!(ran.stderr.contains("volumes that images declare are not in it"), "{ran}");
    sandbox.fails(2, &["compose", "--secrets"]);
}
