//! Lists and graphs.

use crate::support::{applied, stack};
use devarch_core::wire::{WireStack, dot, list, list_text, resolve, tree};
use insta::assert_snapshot;

fn shop() -> WireStack {
    let text = "
instances:
  api:
    imports: [{name: db, type: postgres}, {name: redis, type: redis}, {name: mail, type: smtp, required: false}]
    exports: [{name: http, type: http, port: 8000}]
    x-overrides: {REDIS_PORT: \"1\"}
  web: {imports: [{name: api, type: http}]}
  worker: {imports: [{name: db, type: postgres}, {name: redis, type: redis}, {name: api, type: http, required: false}]}
  cache: {exports: [{name: cache, type: redis, port: 6379}]}
  idle: {}
external:
  lan-db: {type: postgres, host: db.lan, port: 5432, user: u, database: d}
wires: [{from: worker.redis, to: cache}]
";
    let mut stack = stack(text);
    applied(&mut stack);
    stack.prior.remove(&"worker".parse().unwrap());
    stack
}

#[test]
fn a_list_says_who_is_wired_to_whom_how_and_by_which_variables() {
    assert_snapshot!(list_text(&list(&resolve(&shop()))), @"
    CONSUMER  IMPORT  TYPE      PROVIDER     HOW               VARIABLES
    api       db      postgres  lan-db       auto              DB_DATABASE DB_HOST DB_PORT DB_URL DB_USER
    api       mail    smtp      -            nobody offers it
    api       redis   redis     cache.cache  auto              REDIS_HOST REDIS_URL (REDIS_PORT)
    web       api     http      api.http     auto              API_HOST API_PORT API_URL
    worker    api     http      api.http     auto, new         API_HOST API_PORT API_URL
    worker    db      postgres  lan-db       auto, new         DB_DATABASE DB_HOST DB_PORT DB_URL DB_USER
    worker    redis   redis     cache.cache  explicit, new     REDIS_HOST REDIS_PORT REDIS_URL
    ");
}

#[test]
fn a_tree_draws_each_instance_with_its_providers_once() {
    let shop = shop();
    assert_snapshot!(tree(shop.instances.keys(), &resolve(&shop)), @"
    idle
    web
    └─ api (http): api, auto
       ├─ db (postgres): lan-db, auto (outside)
       └─ redis: cache, auto
    worker
    ├─ api (http): api, auto, new ^
    ├─ db (postgres): lan-db, auto, new (outside)
    └─ redis: cache, new
    ");
}

#[test]
fn a_tree_of_a_cycle_ends() {
    let stack = stack(
        "
instances:
  a: {imports: [{name: up, type: http}], exports: [{name: grpc, type: grpc, port: 1}]}
  b: {imports: [{name: back, type: grpc}], exports: [{name: http, type: http, port: 80}]}
",
    );
    assert_snapshot!(tree(stack.instances.keys(), &resolve(&stack)), @"
    a
    └─ up (http): b, auto, new
       └─ back (grpc): a, auto, new ^
    ");
}

#[test]
fn a_dot_file_has_every_instance_and_says_how_each_wire_was_made() {
    let shop = shop();
    assert_snapshot!(dot(shop.instances.keys(), &resolve(&shop)), @r#"
    digraph wires {
      rankdir=LR;
      node [shape=box, fontname="sans-serif"];
      "api";
      "cache";
      "idle";
      "web";
      "worker";
      "lan-db" [shape=ellipse];
      "api" -> "lan-db" [label="db (postgres)", style="dashed"];
      "api" -> "cache" [label="redis", style="dashed"];
      "web" -> "api" [label="api (http)", style="dashed"];
      "worker" -> "api" [label="api (http)", style="dashed,bold"];
      "worker" -> "lan-db" [label="db (postgres)", style="dashed,bold"];
      "worker" -> "cache" [label="redis", style="bold"];
    }
    "#);
}
