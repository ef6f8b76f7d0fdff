//! Wires in definitions: they are validated when set, stored, and kept by renames, copies and rollbacks.

use crate::common::Sandbox;
use devarch_core::engine::EngineKind;

const SHOP: &str = r#"
version: "1"
templates:
  db:
    image: busybox:1.37
    environment: { DB_USER: u, DB_NAME: n }
    exports: [{ name: main, type: postgres, port: 5432, properties: { user: "${env:DB_USER}", database: "${env:DB_NAME}" } }]
  api: { image: "busybox:1.37", imports: [{ name: store, type: postgres }] }
stacks:
  STACK:
    prefer: primary
    external: { bills: { type: mysql, host: bills.lan, port: 3306, user: u, database: b, password: { value: hunter2, secret: true } } }
    instances: { one: {template: db}, two: {template: db}, api: {template: api} }
"#;

fn shop() -> Sandbox {
    let sandbox = Sandbox::without_engine();
    sandbox.define(SHOP);
    sandbox
}

#[test]
fn a_wire_is_added_and_removed_by_its_import() {
    let sandbox = shop();
    insta::assert_snapshot!(sandbox.ok(&["wire", "add", "shop", "api", "two"]), @"
    --- stderr
    added {from: api, to: two}; run `devarch apply shop` to apply it
    --- exit 0
    ");
    insta::assert_snapshot!(sandbox.ok(&["wire", "list", "shop"]).stdout, @"
    CONSUMER  IMPORT  TYPE      PROVIDER  HOW            VARIABLES
    api       store   postgres  two.main  explicit, new  STORE_DATABASE STORE_HOST STORE_PORT STORE_URL STORE_USER
    ");
    insta::assert_snapshot!(sandbox.ok(&["config", "shop/api", "--origin"]).stdout, @r#"
    api:
      image: busybox:1.37  # template
      hostname: api  # default
      restart: "no"  # default
      environment:
        STORE_DATABASE: "n"  # wire store -> two.main
        STORE_HOST: devarch-shop-two  # wire store -> two.main
        STORE_PORT: "5432"  # wire store -> two.main
        STORE_URL: postgres://u@devarch-shop-two:5432/n  # wire store -> two.main
        STORE_USER: u  # wire store -> two.main
      depends_on:
        two:  # wire store -> two.main
          condition: ready
          required: true
      imports:  # template
      - name: store
        type: postgres
    "#);
    insta::assert_snapshot!(sandbox.ok(&["wire", "remove", "shop", "api"]), @"
    --- stderr
    removed {from: api, to: two}; `devarch wire list shop` shows what is wired now
    --- exit 0
    ");
    insta::assert_snapshot!(sandbox.fails(5, &["wire", "remove", "shop", "api"]).stderr, @"
    error: stack 'shop' declares no wire from api
    help: `devarch wire list shop` also lists the wires DevArch makes by itself
    ");
}

#[test]
fn an_invalid_wire_is_rejected_when_it_is_added() {
    let sandbox = shop();
    sandbox.ok(&["wire", "add", "shop", "api.store", "one"]);
    for (from, to) in [
        ("api", "tow"),
        ("api", "two"),
        ("api.shelf", "two"),
        ("one", "two"),
        ("apy", "two"),
        ("api", "bills"),
    ] {
        let refused = sandbox.fails(3, &["wire", "add", "shop", from, to]).stderr;
        assert!(refused.starts_with("error: wire {from: "), "{refused}");
    }
    insta::assert_snapshot!(sandbox.fails(3, &["wire", "add", "shop", "api", "two"]).stderr, @"
    error: wire {from: api, to: two} cannot be added:
      wires[1]: api.store is wired by wires[0] already; keep one of them
    ");
    let wires = sandbox.json(&["stack", "show", "shop"])["wires"].clone();
    assert_eq!(wires, serde_json::json!([{"from": "api.store", "to": "one"}]));
}

#[test]
fn exports_with_dangling_references_are_rejected_with_their_field() {
    let sandbox = shop();
    insta::assert_snapshot!(sandbox.fails(3, &["set", "shop/one", "environment.DB_USER=null"]).stderr, @"
    error: stack 'shop' cannot be planned:
      one.exports.main.properties.user: it refers to variable DB_USER, which the effective environment does not have; set it, or remove the property
    ");
    let typo = "exports=[{name: main, type: postgres, port: 5432, properties: {usr: x, database: d}}]";
    insta::assert_snapshot!(sandbox.fails(3, &["set", "shop/one", typo]).stderr, @"
    error: stack 'shop' cannot be planned:
      one.exports.main.properties.usr: `usr` is nothing that postgres has; did you mean `user`?
    ");
    let unknown = "exports=[{name: main, type: postgers, port: 5432}]";
    insta::assert_snapshot!(sandbox.fails(3, &["set", "shop/one", unknown]).stderr, @r#"error: shop/one: exports[0].type: "postgers" is not a contract type; known are postgres, mysql, mongodb, redis, memcached, amqp, kafka, nats, mqtt, elasticsearch, s3, smtp, http, grpc, tcp"#);
    let twice = "exports=[{name: a, type: redis, port: 1}, {name: a, type: redis, port: 2}]";
    insta::assert_snapshot!(sandbox.fails(3, &["set", "shop/one", twice]).stderr, @r#"error: shop/one: exports[1]: two exports are named "a""#);
    let image = sandbox.fails(3, &["set", "shop/one", "image=other:1"]).stderr;
    assert!(image.contains("declare `exports` in the same edit"), "{image}");
}

#[test]
fn a_renamed_provider_keeps_its_wires_and_a_copied_stack_has_them_too() {
    let sandbox = shop();
    sandbox.ok(&["wire", "add", "shop", "api", "two"]);
    sandbox.ok(&["instance", "rename", "shop", "two", "second"]);
    sandbox.ok(&["stack", "clone", "shop", "copy"]);
    for stack in ["shop", "copy"] {
        let shown = sandbox.json(&["stack", "show", stack]);
        assert_eq!(shown["wires"], serde_json::json!([{"from": "api", "to": "second"}]), "{shown}");
        assert_eq!(shown["prefer"], "primary");
        assert_eq!(shown["external"]["bills"]["password"]["value"], "[REDACTED]");
    }
}

#[test]
fn a_graph_is_printed_as_tree_svg_or_dot() {
    let sandbox = shop();
    sandbox.ok(&["wire", "add", "shop", "api", "two"]);
    insta::assert_snapshot!(sandbox.ok(&["wire", "graph", "shop"]).stdout, @"
    api
    └─ store (postgres): two, new
    one
    ");
    let dot = sandbox.ok(&["wire", "graph", "shop", "--dot"]).stdout;
    assert!(dot.starts_with("digraph"), "{dot}");
    sandbox.ok(&["wire", "graph", "shop", "--svg", "shop.svg"]);
    let picture = std::fs::read_to_string(sandbox.project().join("shop.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("two"), "{picture}");
}

#[test]
fn an_environment_is_printed_in_each_format_and_secrets_only_with_reveal() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(
        r#"
version: "1"
templates:
  api: { image: "busybox:1.37", environment: {A: "it's"}, imports: [{ name: bills, type: mysql }] }
stacks:
  STACK:
    external: { bills: { type: mysql, host: bills.lan, port: 3306, user: u, database: b, password: { value: "p@ss", secret: true } } }
    instances: { api: {template: api} }
"#,
    );
    insta::assert_snapshot!(sandbox.ok(&["wire", "env", "shop/api"]).stdout, @r#"
    A="it's"
    BILLS_DATABASE=b
    BILLS_HOST=bills.lan
    BILLS_PASSWORD='[REDACTED]'
    BILLS_PORT=3306
    BILLS_URL='[REDACTED]'
    BILLS_USER=u
    "#);
    insta::assert_snapshot!(sandbox.ok(&["wire", "env", "shop/api", "--host", "--format", "shell", "--reveal"]).stdout, @r#"
    export A='it'\''s'
    export BILLS_DATABASE=b
    export BILLS_HOST=bills.lan
    export BILLS_PASSWORD=p@ss
    export BILLS_PORT=3306
    export BILLS_URL=mysql://u:p%40ss@bills.lan:3306/b
    export BILLS_USER=u
    "#);
    let json = sandbox.json(&["wire", "env", "shop/api", "--reveal"]);
    assert_eq!(json["BILLS_PASSWORD"], "p@ss");
    let ran = sandbox.run(&["run", "shop/api", "--", "sh", "-c", "echo $BILLS_URL; exit 7"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (7, "mysql://u:p%40ss@bills.lan:3306/b\n"));
    assert_eq!(sandbox.fails(4, &["run", "shop/api", "--", "no-such-program"]).stdout, "");
}

#[test]
fn errors_found_by_resolving_are_reported_with_their_line_on_docker() {
    let Some(sandbox) = Sandbox::on(EngineKind::Docker) else { return };
    sandbox.write(
        "version: \"1\"\nstacks:\n  STACK:\n    wires:\n      - {from: api.db, to: cache}\n    instances:\n      \
         api: {template: busybox, imports: [{name: db, type: postgres}]}\n      \
         cache:\n        template: busybox\n        exports: [{name: a, type: redis, port: 1}]\n",
    );
    let output = sandbox.fails(3, &["up", "--yes"]).to_string();
    insta::assert_snapshot!(output, @"
    --- stderr
    error: stacks.STACK.wires[0].to: instance cache exports [redis]; api needs postgres
     --> $ROOT/project/devarch.yml:5:24
      |
    5 |       - {from: api.db, to: cache}
      |                        ^^
    --- exit 3
    ");
    assert_eq!(sandbox.fails(3, &["plan"]).to_string(), output);
    let wrong = "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web:\n        template: busybox\n        \
                 exports:\n          - {name: http, type: http, port: 80, properties: {path: '${env:NO}'}}\n";
    sandbox.write(wrong);
    insta::assert_snapshot!(sandbox.fails(3, &["up", "--yes"]), @"
    --- stderr
    error: stacks.STACK.instances.web.exports.http.properties.path: it refers to variable NO, which the effective environment does not have; set it, or remove the property
     --> $ROOT/project/devarch.yml:8:61
      |
    8 |           - {name: http, type: http, port: 80, properties: {path: '${env:NO}'}}
      |                                                             ^^^^
    --- exit 3
    ");
}

#[test]
fn no_two_instances_share_a_login_even_after_renames() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(
        &SHOP.replace("{ name: store, type: postgres }", "{ name: store, type: postgres, own: true }"),
    );
    sandbox.ok(&["instance", "rename", "shop", "api", "web"]);
    let long = "an-instance-with-a-name-that-no-server-takes";
    for name in ["api", long] {
        sandbox.ok(&["instance", "add", "shop", name, "busybox"]);
        let own = "imports=[{name: store, type: postgres, own: true}]";
        sandbox.ok(&["set", &format!("shop/{name}"), own]);
    }
    let secrets = sandbox.json(&["secret", "list", "shop"]);
    let names = secrets.as_array().unwrap().iter().filter_map(|secret| secret["name"].as_str());
    let logins: Vec<&str> = names.filter_map(|name| name.strip_prefix("own store ")).collect();
    insta::assert_snapshot!(logins.join("\n"), @"
    an-instance-with-a-n
    api_store_2
    api_store
    ");
}
