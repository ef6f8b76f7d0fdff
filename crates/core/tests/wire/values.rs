//! The values that consumers receive.

use crate::support::{name, resolved, stack, variables};
use devarch_core::{
    text::Text,
    wire::{Login, environment, host_variables, resolve},
};
use insta::assert_snapshot;

const DB: &str = "
instances:
  api: {imports: [{name: db, type: postgres}]}
  db:
    ports: [5432]
    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: {value: \"p@ss/word\", secret: true}, POSTGRES_DB: shop}
    exports:
      - name: db
        type: postgres
        port: 5432
        properties: {user: \"${env:POSTGRES_USER}\", password: \"${env:POSTGRES_PASSWORD}\", database: \"${env:POSTGRES_DB}\"}
";

#[test]
fn a_consumer_gets_all_values_and_secrets_remain_secret() {
    let resolution = resolved(DB);
    assert_snapshot!(variables(&resolution), @"
    api: DB_DATABASE=shop
    api: DB_HOST=devarch-shop-db
    api: DB_PASSWORD=[REDACTED]
    api: DB_PORT=5432
    api: DB_URL=[REDACTED]
    api: DB_USER=shop
    ");
    assert_eq!(
        resolution.variables[&name("api")]["DB_URL"].value.reveal(),
        "postgres://shop:p%40ss%2Fword@devarch-shop-db:5432/shop"
    );
}

#[test]
fn an_override_of_the_provider_changes_the_values_of_consumers() {
    let text = DB
        .replace("  db:\n", "  db:\n    x-overrides: {POSTGRES_USER: other}\n")
        .replace("port: 5432", "port: 6543");
    assert_snapshot!(variables(&resolved(&text)), @"
    api: DB_DATABASE=shop
    api: DB_HOST=devarch-shop-db
    api: DB_PASSWORD=[REDACTED]
    api: DB_PORT=6543
    api: DB_URL=[REDACTED]
    api: DB_USER=other
    ");
}

#[test]
fn an_import_with_a_mapping_gets_only_what_it_maps() {
    let text = DB.replace(
        "{name: db, type: postgres}",
        "{name: db, type: postgres, environment: {JDBC: \"jdbc:postgresql://{host}:{port}/{database}\", PW: \"{password}\"}}",
    );
    assert_snapshot!(variables(&resolved(&text)), @"
    api: JDBC=jdbc:postgresql://devarch-shop-db:5432/shop
    api: PW=[REDACTED]
    ");
}

#[test]
fn values_are_passed_along_a_chain_of_wires() {
    let text = "
instances:
  web: {imports: [{name: proxy, type: http}]}
  proxy:
    imports: [{name: up, type: grpc, environment: {UPSTREAM: \"{host}\"}}]
    exports: [{name: http, type: http, port: 80, properties: {path: \"/via/${env:UPSTREAM}\"}}]
  api: {exports: [{name: grpc, type: grpc, port: 9000}]}
";
    assert_snapshot!(variables(&resolved(text)), @"
    proxy: UPSTREAM=devarch-shop-api
    web: PROXY_HOST=devarch-shop-proxy
    web: PROXY_PATH=/via/devarch-shop-api
    web: PROXY_PORT=80
    web: PROXY_URL=http://devarch-shop-proxy:80/via/devarch-shop-api
    ");
}

#[test]
fn an_error_is_not_reported_again_for_its_dependents() {
    let text = "
instances:
  web: {imports: [{name: proxy, type: http}]}
  proxy:
    imports: [{name: up, type: grpc, environment: {UPSTREAM: \"{host}\"}}]
    exports: [{name: http, type: http, port: 80, properties: {path: \"/via/${env:UPSTREAM}\"}}]
";
    assert_snapshot!(crate::support::found(text), @"error: proxy.imports.up: nothing in the stack offers grpc; add an instance that does or an entry of `external`, or set `required: false`");
}

#[test]
fn precedence_is_template_then_wire_then_override() {
    let stack = stack(
        "
instances:
  web:
    environment: {C_HOST: template, C_PORT: template, OTHER: template}
    imports: [{name: c, type: memcached}]
    x-overrides: {C_PORT: override, C_URL: }
  c: {exports: [{name: c, type: memcached, port: 11211}]}
",
    );
    let resolution = resolve(&stack);
    let web = name("web");
    let effective = environment(&stack.instances[&web], resolution.variables.get(&web));
    let lines: Vec<String> = effective.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_snapshot!(lines.join("\n"), @"
    C_HOST=devarch-shop-c
    C_PORT=override
    OTHER=template
    ");
}

#[test]
fn a_secret_variable_remains_secret_when_a_wire_sets_it() {
    let resolution = resolved(
        "
instances:
  web: {environment: {C_URL: {value: x, secret: true}}, imports: [{name: c, type: memcached}]}
  c: {exports: [{name: c, type: memcached, port: 11211}]}
",
    );
    assert_eq!(resolution.variables[&name("web")]["C_URL"].value.shown(), "[REDACTED]");
}

#[test]
fn a_process_on_the_host_gets_published_addresses() {
    let stack = stack(&DB.replace("ports: [5432]", "ports: [\"0.0.0.0:15432:5432\"]"));
    let resolution = resolve(&stack);
    let given = host_variables(&stack, &resolution, &name("api")).unwrap();
    let url: &Text = &given["DB_URL"].value;
    assert!(url.is_secret());
    assert_eq!(url.reveal(), "postgres://shop:p%40ss%2Fword@127.0.0.1:15432/shop");
    assert_eq!(given["DB_PORT"].value.reveal(), "15432");
}

#[test]
fn a_provider_without_published_ports_cannot_be_reached_from_the_host() {
    let stack = stack(&DB.replace("    ports: [5432]\n", ""));
    let refused = host_variables(&stack, &resolve(&stack), &name("api")).unwrap_err();
    assert_snapshot!(refused[0].to_string(), @"error: api.imports.db: db.db publishes no port for 5432, so the host cannot reach it; add 5432 to its `ports`");
}

#[test]
fn a_dedicated_login_is_named_by_the_rules_of_its_type() {
    let mut stack = stack(
        "
instances:
  api-1:
    imports:
      - {name: db, type: postgres, own: true}
      - {name: doc, type: mongodb, own: true}
      - {name: mq, type: amqp, own: true}
      - {name: s3, type: s3, own: true, environment: {KEY: \"{access_key}\", SECRET: \"{secret_key}\", BUCKET: \"{bucket}\"}}
  all:
    environment: {U: root, P: {value: rootpw, secret: true}}
    exports:
      - {name: db, type: postgres, port: 1, properties: {user: \"${env:U}\", password: \"${env:P}\", database: d}, provision: {command: [x]}}
      - {name: doc, type: mongodb, port: 2, properties: {user: \"${env:U}\", password: \"${env:P}\"}, provision: {command: [x]}}
      - {name: mq, type: amqp, port: 3, properties: {user: \"${env:U}\", password: \"${env:P}\"}, provision: {command: [x]}}
      - {name: s3, type: s3, port: 4, properties: {user: \"${env:U}\", password: \"${env:P}\"}, provision: {command: [x]}}
",
    );
    let api = stack.instances.get_mut(&name("api-1")).unwrap();
    for import in ["db", "doc", "mq", "s3"] {
        let login = Login { name: format!("api-1_{import}"), password: Text::secret("p/w") };
        api.logins.insert(import.to_owned(), login);
    }
    let resolution = resolve(&stack);
    assert_eq!(resolution.findings, []);
    let given = &resolution.variables[&name("api-1")];
    let shown = |name: &str| given[name].value.reveal().to_owned();
    assert_snapshot!(shown("DB_URL"), @"postgres://api-1_db:p%2Fw@devarch-shop-all:1/api-1_db");
    assert_snapshot!(shown("DOC_URL"), @"mongodb://api-1_doc:p%2Fw@devarch-shop-all:2/api-1_doc?authSource=api-1_doc");
    assert_snapshot!(shown("MQ_URL"), @"amqp://api-1_mq:p%2Fw@devarch-shop-all:3/api-1_mq");
    assert_snapshot!([shown("KEY"), shown("SECRET"), shown("BUCKET")].join(" "), @"api-1_s3 p/w api--1-s3");
    assert!(given["SECRET"].value.is_secret());
}

#[test]
fn two_logins_never_share_a_bucket() {
    let bucket = |name: &str| Login { name: name.to_owned(), password: Text::secret("") }.bucket();
    assert_eq!(bucket("api_s3"), "api-s3");
    assert_ne!(bucket("api-my_s3"), bucket("api_my_s3"));
}
