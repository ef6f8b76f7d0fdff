//! User errors: each is rejected with its documented exit code, names the input and suggests what would be accepted.

mod common;

use common::Sandbox;
use insta::assert_snapshot;
use std::process::Stdio;

const SHOP: &str = r#"
version: "1"
stacks:
  shop:
    instances:
      web: { template: busybox, ports: ["127.0.0.1:18080:80"] }
      db: { template: postgres }
"#;

#[test]
fn an_instance_can_be_named_in_one_word_or_two() {
    let sandbox = Sandbox::without_engine();
    sandbox.ok(&["stack", "create", "shop"]);
    sandbox.ok(&["instance", "add", "shop/web", "busybox"]);
    sandbox.ok(&["instance", "add", "shop", "db", "postgres"]);
    assert_eq!(
        sandbox.json(&["instance", "show", "shop/web"]),
        sandbox.json(&["instance", "show", "shop", "web"])
    );
    sandbox.ok(&["instance", "rename", "shop/web", "front"]);
    sandbox.ok(&["instance", "rename", "shop", "db", "data"]);
    sandbox.ok(&["instance", "remove", "shop/front"]);
    sandbox.ok(&["instance", "remove", "shop", "data"]);
    assert_eq!(sandbox.json(&["instance", "list", "shop"])["instances"].as_array().unwrap().len(), 0);
    assert_snapshot!(sandbox.run(&["instance", "add", "shop/web", "web", "busybox"]), @"
    --- stderr
    error: 'web' names the instance already; what follows is its template alone
    --- exit 3
    ");
    assert_snapshot!(sandbox.run(&["instance", "show", "shop/web", "db"]), @"
    --- stderr
    error: two instances are named, 'web' and 'db'; name one of them
    --- exit 3
    ");
    assert_snapshot!(sandbox.run(&["instance", "remove", "shop"]), @"
    --- stderr
    error: name the instance too: STACK NAME, or STACK/NAME
    --- exit 3
    ");
    assert_snapshot!(sandbox.run(&["instance", "rename", "shop", "web"]), @"
    --- stderr
    error: name the instance and its new name: STACK OLD NEW
    --- exit 3
    ");
}

#[test]
fn an_instance_of_this_directory_without_its_slash_is_recognised() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    assert_snapshot!(sandbox.run(&["open", "web"]), @"
    --- stderr
    error: stack 'web' not found
    help: an instance of this directory's stack 'shop' is written /web
    --- exit 4
    ");
    assert_snapshot!(sandbox.run(&["plan", "web"]), @"
    --- stderr
    error: stack 'web' not found
    help: an instance of this directory's stack 'shop' is written /web
    --- exit 4
    ");
    assert_snapshot!(sandbox.run(&["exec", "web", "true"]), @"
    --- stderr
    error: invalid value 'web' for '<STACK/INSTANCE>': it names no instance; write STACK/INSTANCE, or /web for an instance of this directory's stack

    For more information, try '--help'.
    --- exit 3
    ");
    assert_snapshot!(sandbox.run(&["open", "wob"]), @"
    --- stderr
    error: stack 'wob' not found
    help: `devarch stack list` lists all
    --- exit 4
    ");
}

#[test]
fn a_suggested_name_is_accepted() {
    let sandbox = Sandbox::without_engine();
    let long = "x".repeat(53);
    for name in ["shop", "shop-2", &long] {
        sandbox.ok(&["stack", "create", name]);
    }
    assert_snapshot!(sandbox.run(&["stack", "create", "shop"]), @"
    --- stderr
    error: stack name shop is already taken
    help: 'shop-3' is free
    --- exit 5
    ");
    sandbox.ok(&["stack", "create", "shop-3"]);
    let refused = sandbox.fails(5, &["stack", "create", &long]);
    let free = format!("{}-2", "x".repeat(51));
    assert!(refused.stderr.contains(&format!("'{free}' is free")), "{refused}");
    sandbox.ok(&["stack", "create", &free]);
    assert_snapshot!(sandbox.run(&["stack", "rename", "shop-3", "shop"]), @"
    --- stderr
    error: stack name shop is already taken
    help: 'shop-4' is free
    --- exit 5
    ");
    assert_snapshot!(sandbox.run(&["stack", "clone", "shop-3", "shop"]), @"
    --- stderr
    error: stack name shop is already taken
    help: 'shop-4' is free
    --- exit 5
    ");
}

#[test]
fn a_suggested_instance_name_is_unambiguous() {
    let sandbox = Sandbox::without_engine();
    sandbox.ok(&["stack", "create", "a-b"]);
    sandbox.ok(&["instance", "add", "a-b", "c", "busybox"]);
    sandbox.ok(&["instance", "add", "a-b", "c-2", "busybox"]);
    sandbox.ok(&["stack", "create", "a"]);
    sandbox.ok(&["instance", "add", "a", "x", "busybox"]);
    for args in [&["instance", "add", "a/b-c", "busybox"][..], &["instance", "rename", "a/x", "b-c"]] {
        let refused = sandbox.fails(5, args);
        assert!(refused.stderr.contains("'b-c-3' is free"), "{refused}");
    }
    sandbox.ok(&["instance", "add", "a/b-c-3", "busybox"]);
    // Renaming 'a-b' to 'a' would create duplicate container names.
    let refused = sandbox.fails(5, &["stack", "rename", "a-b", "a"]);
    assert!(refused.stderr.contains("'a-2' is free"), "{refused}");
    sandbox.ok(&["stack", "rename", "a-b", "a-2"]);
}

#[test]
fn a_stack_name_that_leaves_no_room_for_an_instance_is_rejected() {
    let sandbox = Sandbox::without_engine();
    let ran = sandbox.fails(3, &["stack", "create", &"x".repeat(54)]);
    assert!(ran.stderr.contains("it is longer than 53 characters"), "{ran}");
    assert!(ran.stderr.contains(&format!("\"{}\" would be accepted", "x".repeat(53))), "{ran}");
    sandbox.ok(&["stack", "create", &"x".repeat(53)]);
    sandbox.ok(&["instance", "add", &"x".repeat(53), "i", "busybox"]);
    let ran = sandbox.fails(3, &["instance", "add", &"x".repeat(53), "ii", "busybox"]);
    assert!(ran.stderr.contains("shorten the stack's or the instance's name by 1"), "{ran}");
}

#[test]
fn a_missing_file_is_not_found() {
    let sandbox = Sandbox::without_engine();
    assert_snapshot!(sandbox.run(&["catalog", "add", "nofile.yaml"]), @"
    --- stderr
    error: cannot read $ROOT/project/nofile.yaml: No such file or directory (os error 2)
    help: check the path
    --- exit 4
    ");
    sandbox.fails(4, &["init", "--from", "nofile.yaml", "--stack", "shop"]);
}

#[test]
fn a_port_of_another_instance_is_a_conflict() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    let before = sandbox.json(&["instance", "list"]);
    assert_snapshot!(sandbox.run(&["set", "/db", "ports.5432=18080"]), @"
    --- stderr
    error: stack 'shop': host ports are already in use:
      db.ports.5432/tcp: host port 18080 belongs to instance 'web' of the same stack; choose another, or `auto`
    --- exit 5
    ");
    assert_eq!(sandbox.json(&["instance", "list"]), before, "nothing was saved");
}

#[test]
fn set_shows_the_port_in_the_container_too() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    assert_snapshot!(sandbox.run(&["set", "/web", "ports=[\"18081:80\", \"18082:53/udp\"]"]), @"
    ~ web.ports: + 127.0.0.1:18082->53/udp
    ~ web.ports: 127.0.0.1:18080->80 => 127.0.0.1:18081->80
    --- exit 0
    ");
}

#[test]
fn a_file_without_a_stack_is_invalid() {
    let sandbox = Sandbox::without_engine();
    for (text, line) in [
        ("", "expected a mapping"),
        ("version: \"1\"\nstacks: {}\n", "no stack is declared"),
        ("version: \"1\"\nstacks:\n", "expected a mapping"),
        ("version: \"1\"\n", "`stacks` is missing"),
    ] {
        sandbox.write(text);
        let ran = sandbox.fails(3, &["up"]);
        assert!(ran.stderr.contains(line) && ran.stderr.contains("devarch.yml"), "{text:?}: {ran}");
    }
    sandbox.write("");
    assert_snapshot!(sandbox.run(&["up"]), @"
    --- stderr
    error: $ROOT/project/devarch.yml:1:1: expected a mapping, found nothing
    --- exit 3
    ");
    sandbox.write("version: \"1\"\nstacks: {}\n");
    assert_snapshot!(sandbox.run(&["up"]), @"
    --- stderr
    error: stacks: no stack is declared; add one: `NAME: {instances: {}}`
     --> $ROOT/project/devarch.yml:2:9
      |
    2 | stacks: {}
      |         ^
    --- exit 3
    ");
}

#[test]
fn invalid_utf8_is_reported_with_its_position() {
    let sandbox = Sandbox::without_engine();
    let text = b"version: \"1\"\n# caf\xe9\nstacks: {}\n";
    std::fs::write(sandbox.project().join("devarch.yml"), text).unwrap();
    assert_snapshot!(sandbox.run(&["up"]), @"
    --- stderr
    error: byte 0xe9 is not UTF-8; save the file with that encoding
     --> $ROOT/project/devarch.yml:2:6
      |
    2 | # caf�
      |      ^
    --- exit 3
    ");
    std::fs::write(sandbox.project().join("mine.yaml"), text).unwrap();
    sandbox.fails(3, &["catalog", "add", "mine.yaml"]);
    sandbox.fails(3, &["init", "--from", "mine.yaml", "--stack", "shop", "--force"]);
}

#[test]
fn an_invalid_engine_name_is_rejected() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    assert_snapshot!(sandbox.run(&["plan", "--engine", "bogus"]), @r#"
    --- stderr
    error: --engine: "bogus" is not an engine; name `docker`, `podman`, unix:///PATH or tcp://HOST:PORT
    --- exit 3
    "#);
    let mut command = sandbox.command(&["status"]);
    command.env("DEVARCH_ENGINE", "ssh://box").stdout(Stdio::piped()).stderr(Stdio::piped());
    assert_snapshot!(sandbox.end(command.spawn().unwrap()), @r#"
    --- stderr
    error: DEVARCH_ENGINE: "ssh://box" uses ssh, which DevArch does not support; forward the engine's socket with `ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock HOST` and name unix:///tmp/engine.sock
    --- exit 3
    "#);
}

#[test]
fn invalid_names_and_references_are_reported_with_the_other_errors_of_a_file() {
    let sandbox = Sandbox::without_engine();
    sandbox.write(
        "version: \"1\"\nstacks:\n  shop:\n    instances:\n      My_Web:\n        template: busybox\n        \
         depends_on: [dv, db]\n      db:\n        template: postgers\n        \
         volumes_add: { data: x }\n        depends_on: { My_Web: }\n",
    );
    assert_snapshot!(sandbox.run(&["up"]), @r#"
    --- stderr
    error: stacks.shop.instances.My_Web: "My_Web" is not a valid instance name: only a-z, 0-9 and '-' are allowed; "my-web" would be accepted
      --> $ROOT/project/devarch.yml:5:7
       |
     5 |       My_Web:
       |       ^^^^^^
       |
    error: stacks.shop.instances.My_Web.depends_on[0]: the stack has no instance 'dv'; did you mean 'db'?
      --> $ROOT/project/devarch.yml:7:22
       |
     7 |         depends_on: [dv, db]
       |                      ^^
    error: stacks.shop.instances.db.template: template 'postgers' not found; did you mean 'postgres'?
      --> $ROOT/project/devarch.yml:9:19
       |
     9 |         template: postgers
       |                   ^^^^^^^^
    error: stacks.shop.instances.db.volumes_add.data: "data" is not an absolute path in the container
      --> $ROOT/project/devarch.yml:10:24
       |
    10 |         volumes_add: { data: x }
       |                        ^^^^
    error: stacks.shop.instances.db.depends_on.My_Web: "My_Web" is not a valid instance name: only a-z, 0-9 and '-' are allowed; "my-web" would be accepted
      --> $ROOT/project/devarch.yml:11:23
       |
    11 |         depends_on: { My_Web: }
       |                       ^^^^^^
    --- exit 3
    "#);
    assert!(sandbox.run(&["stack", "list"]).stdout.contains("no stacks yet"));
}

#[test]
fn an_instance_keeps_a_template_that_was_removed_from_the_catalog() {
    let sandbox = Sandbox::without_engine();
    std::fs::write(sandbox.project().join("mine.yaml"), "name: mine\ndescription: Mine.\nimage: mine:1\n")
        .unwrap();
    sandbox.ok(&["catalog", "add", "mine.yaml"]);
    let text = "version: \"1\"\nstacks: { shop: { instances: { web: { template: mine } } } }\n";
    sandbox.define(text);
    sandbox.ok(&["catalog", "remove", "mine"]);
    sandbox.fails(6, &["up", "--yes"]);
    sandbox.write(&text.replace("web:", "other:"));
    let ran = sandbox.fails(4, &["up", "--yes"]);
    assert!(ran.stderr.contains("template 'mine' not found"), "{ran}");
}

#[test]
fn completion_shows_no_secrets_and_no_errors() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    sandbox.ok(&["set", "/db", "environment.POSTGRES_PASSWORD=hunter2"]);
    let complete = |database: Option<&str>, words: &[&str]| {
        let at = (words.len() - 1).to_string();
        let mut command = sandbox.command(&[&["--"], words].concat());
        command.env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", at).env("_CLAP_IFS", "\n");
        if let Some(url) = database {
            command.env("DEVARCH_DATABASE_URL", url);
        }
        sandbox.end(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()).to_string()
    };
    for words in [
        &["devarch", ""][..],
        &["devarch", "set", ""],
        &["devarch", "set", "shop/db", "environment."],
        &["devarch", "unset", "shop/db", ""],
        &["devarch", "exec", "shop/db", "-e", ""],
        &["devarch", "config", ""],
    ] {
        let shown = complete(None, words);
        assert!(!shown.contains("hunter2") && !shown.contains("POSTGRES"), "{words:?}: {shown}");
        let shown = complete(Some("postgres://me:hunter3@127.0.0.1:1/db"), words);
        assert!(!shown.contains("hunter3") && !shown.contains("error"), "{words:?}: {shown}");
    }
}

#[test]
fn an_exhausted_or_invalid_port_range_is_reported() {
    let sandbox = Sandbox::without_engine();
    sandbox.ok(&["stack", "create", "shop"]);
    sandbox.ok(&["instance", "add", "shop/web", "busybox"]);
    let run = |ports: &str, args: &[&str]| {
        let mut command = sandbox.command(args);
        command.env("DEVARCH_PORTS", ports).stdout(Stdio::piped()).stderr(Stdio::piped());
        sandbox.end(command.spawn().unwrap())
    };
    assert_snapshot!(run("3000-3000", &["set", "shop/web", "ports=[80, 81]"]), @"
    --- stderr
    error: stack 'shop': host ports are already in use:
      web.ports.81/tcp: no host port from 3000-3000 is free; set DEVARCH_PORTS to another range
    --- exit 5
    ");
    assert_snapshot!(run("3000", &["stack", "list"]), @r#"
    --- stderr
    error: DEVARCH_PORTS: "3000" is not a range of ports such as 20000-29999, from 1024 on
    --- exit 3
    "#);
}

#[test]
fn releasing_a_lock_that_is_not_held_asks_nothing() {
    let sandbox = Sandbox::without_engine();
    sandbox.ok(&["stack", "create", "shop"]);
    assert_snapshot!(sandbox.run(&["lock", "release", "shop", "--force"]), @"
    --- stderr
    stack 'shop' is not locked
    --- exit 0
    ");
    assert!(sandbox.json(&["lock", "release", "shop", "--force"]).is_null());
}
