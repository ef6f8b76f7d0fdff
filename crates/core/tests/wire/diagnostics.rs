//! Every diagnostic that wiring can report.

use crate::support::{applied, found, is_sound, lines, stack};
use devarch_core::diagnostic::Severity;
use devarch_core::wire::resolve;
use insta::assert_snapshot;

#[test]
fn several_providers_are_listed_with_the_entry_to_add() {
    assert_snapshot!(found("
instances:
  backend: {imports: [{name: db, type: postgres}]}
  postgres-primary: {exports: [{name: db, type: postgres, port: 5432, properties: {user: u, database: d}}]}
  postgres-replica: {exports: [{name: db, type: postgres, port: 5432, properties: {user: u, database: d}}]}
"), @"error: backend.imports.db: 2 providers offer postgres: postgres-primary, postgres-replica; add one of these to the stack's `wires`: `{from: backend, to: postgres-primary, contract: postgres}` or `{from: backend, to: postgres-replica, contract: postgres}`");
}

#[test]
fn the_entry_to_add_is_qualified_if_one_name_is_ambiguous() {
    assert_snapshot!(found("
instances:
  backend: {imports: [{name: api, type: http}, {name: ui, type: http}]}
  jaeger: {exports: [{name: otlp, type: http, port: 4318}, {name: ui, type: http, port: 16686}]}
"), @"
    error: backend.imports.api: 2 providers offer http: jaeger.otlp, jaeger.ui; add one of these to the stack's `wires`: `{from: backend.api, to: jaeger.otlp, contract: http}` or `{from: backend.api, to: jaeger.ui, contract: http}`
    error: backend.imports.ui: 2 providers offer http: jaeger.otlp, jaeger.ui; add one of these to the stack's `wires`: `{from: backend.ui, to: jaeger.otlp, contract: http}` or `{from: backend.ui, to: jaeger.ui, contract: http}`
    ");
}

#[test]
fn many_providers_are_counted_and_the_first_ones_named() {
    let providers: Vec<String> = (10..30)
        .map(|n| format!("  c{n}: {{exports: [{{name: c, type: memcached, port: 11211}}]}}"))
        .collect();
    let text =
        format!("instances:\n  web: {{imports: [{{name: c, type: memcached}}]}}\n{}", providers.join("\n"));
    assert_snapshot!(found(&text), @"error: web.imports.c: 20 providers offer memcached: c10, c11, c12, c13, c14, c15, c16, c17 and 12 more; add one of these to the stack's `wires`: `{from: web, to: c10, contract: memcached}` or `{from: web, to: c11, contract: memcached}`");
}

#[test]
fn a_role_is_suggested_if_the_stack_does_not_set_prefer() {
    assert_snapshot!(found("
instances:
  web: {imports: [{name: cache, type: redis}]}
  a: {exports: [{name: c, type: redis, port: 6379}]}
  b: {exports: [{name: c, type: redis, port: 6379}], x-primary: true}
"), @"error: web.imports.cache: 2 providers offer redis: a, b; add one of these to the stack's `wires`: `{from: web, to: a, contract: redis}` or `{from: web, to: b, contract: redis}`; or set `prefer: primary`, which is b");
}

#[test]
fn a_second_provider_that_appears_changes_no_running_wire() {
    let one = "
instances:
  web: {imports: [{name: cache, type: redis}]}
  worker: {imports: [{name: cache, type: redis, required: false}]}
  b: {exports: [{name: c, type: redis, port: 6379}]}
";
    let mut before = stack(one);
    applied(&mut before);
    let mut after = stack(&format!("{one}  a: {{exports: [{{name: c, type: redis, port: 6379}}]}}\n"));
    after.prior = before.prior;
    assert_snapshot!(lines(&resolve(&after)), @"
    error: web.imports.cache: 2 providers offer redis: a, b (the running container is wired to b.c and is kept); add one of these to the stack's `wires`: `{from: web, to: b, contract: redis}` or `{from: web, to: a, contract: redis}`
    error: worker.imports.cache: 2 providers offer redis: a, b (the running container is wired to b.c and is kept); add one of these to the stack's `wires`: `{from: worker, to: b, contract: redis}` or `{from: worker, to: a, contract: redis}`
    ");
}

#[test]
fn a_missing_provider_is_an_error_only_if_it_is_required() {
    assert_snapshot!(found("
instances:
  web: {imports: [{name: db, type: mysql}, {name: cache, type: redis, required: false}]}
  proxy: {imports: [{name: up, type: http}], exports: [{name: http, type: http, port: 80}]}
  other: {imports: [{name: bus, type: nats}], exports: [{name: bus, type: nats, port: 4222}]}
"), @"
    error: other.imports.bus: nothing else in the stack offers nats; add an instance that does or an entry of `external`, or set `required: false`
    error: proxy.imports.up: nothing else in the stack offers http; add an instance that does or an entry of `external`, or set `required: false`
    error: web.imports.db: nothing in the stack offers mysql; add an instance that does or an entry of `external`, or set `required: false`
    ");
}

#[test]
fn an_optional_import_with_several_providers_is_no_error() {
    let text = "
instances:
  web: {imports: [{name: cache, type: redis, required: false}]}
  a: {exports: [{name: c, type: redis, port: 6379}]}
  b: {exports: [{name: c, type: redis, port: 6379}]}
";
    let resolution = resolve(&stack(text));
    assert!(is_sound(&resolution) && resolution.links.is_empty());
    assert!(resolution.findings.iter().all(|finding| finding.severity == Severity::Note));
    assert_snapshot!(lines(&resolution), @"note: web.imports.cache: 2 providers offer redis: a, b; add one of these to the stack's `wires`: `{from: web, to: a, contract: redis}` or `{from: web, to: b, contract: redis}`");
}

const PAIR: &str = "
instances:
  backend: {imports: [{name: db, type: mysql}, {name: cache, type: redis}]}
  db: {exports: [{name: main, type: postgres, port: 5432, properties: {user: u, database: d}}]}
  cache: {exports: [{name: a, type: redis, port: 1}, {name: b, type: redis, port: 2}]}
  two: {imports: [{name: a, type: redis, required: false}, {name: b, type: redis, required: false}]}
  alone: {}
wires:
";

fn wires(entries: &str) -> String {
    let all = found(&format!("{PAIR}{entries}"));
    all.lines().filter(|line| line.contains("wires[")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_wire_to_another_type_names_the_types_of_both_ends() {
    assert_snapshot!(wires("
- {from: backend.db, to: db}
- {from: backend, to: db}
- {from: backend, to: db, contract: mysql}
- {from: two.a, to: db.main}
- {from: backend.cache, to: alone}
"), @"
    error: wires[0].to: instance db exports [postgres]; backend needs mysql
    error: wires[1].to: instance db exports [postgres]; backend needs mysql, redis
    error: wires[2]: backend.db is wired by wires[0] already; keep one of them
    error: wires[3].to: instance db exports [postgres]; two needs redis
    error: wires[4].to: instance alone exports []; backend needs redis
    ");
}

#[test]
fn dangling_wires_suggest_similar_names() {
    assert_snapshot!(wires("
- {from: bakend, to: db}
- {from: backend.dv, to: db}
- {from: backend.db, to: dbb}
- {from: backend.cache, to: cache.bb}
- {from: two.a, to: cache.main}
- {from: two.b, to: other/db}
- {from: alone, to: db}
"), @"
    error: wires[0].from: the stack has no instance 'bakend'; did you mean 'backend'?
    error: wires[1].from: backend has no import 'dv'; did you mean 'db'?; it has [db (mysql), cache (redis)]
    error: wires[2].to: the stack has no instance and no external provider 'dbb'; did you mean 'db'?
    error: wires[3].to: cache has no export 'bb'; did you mean 'b'?; it has [a (redis), b (redis)]
    error: wires[4].to: cache has no export 'main'; it has [a (redis), b (redis)]
    error: wires[5].to: stack 'other' has no instance 'db' to link to; `devarch instance list other` lists all
    error: wires[6].from: alone imports nothing, so there is nothing to wire
    ");
}

#[test]
fn ambiguous_wires_show_how_to_write_them() {
    assert_snapshot!(wires("
- {from: two, to: cache.a}
- {from: two.a, to: cache}
- {from: backend, to: none}
- {from: backend, to: cache.a, contract: http}
- {from: backend.cache, to: cache.a, contract: http}
"), @"
    error: wires[0].from: two has several imports that could be meant: a, b; write `from: two.a`
    error: wires[1].to: cache offers redis several times: a, b; write `to: cache.a`
    error: wires[2].from: backend has several imports that could be meant: db, cache; write `from: backend.db`
    error: wires[3].from: backend imports nothing of type http; it imports [db (mysql), cache (redis)]
    error: wires[4].contract: backend.cache is of type redis, but the wire has http; correct `contract` or leave it out
    ");
}

#[test]
fn a_second_wire_for_an_import_names_the_first() {
    assert_snapshot!(wires("
- {from: two.a, to: cache.a}
- {from: two.a, to: cache.b}
- {from: two.a, to: none}
"), @"
    error: wires[1]: two.a is wired by wires[0] already; keep one of them
    error: wires[2]: two.a is wired by wires[0] already; keep one of them
    ");
}

#[test]
fn an_instance_is_not_wired_to_itself() {
    assert_snapshot!(found("
instances:
  web: {imports: [{name: up, type: http}], exports: [{name: http, type: http, port: 80}]}
wires:
- {from: web, to: web}
"), @"error: wires[0].to: web cannot be wired to itself");
}

#[test]
fn an_invalid_wire_is_not_replaced_by_an_automatic_one() {
    let text = "
instances:
  web: {imports: [{name: cache, type: redis}]}
  a: {exports: [{name: c, type: redis, port: 6379}]}
wires: [{from: web, to: b}]
";
    assert_snapshot!(found(text), @"error: wires[0].to: the stack has no instance and no external provider 'b'; did you mean 'a'?");
    assert!(resolve(&stack(text)).links.is_empty());
}

#[test]
fn the_variables_of_a_declined_required_import_must_be_set() {
    assert_snapshot!(found("
instances:
  web: {imports: [{name: cache, type: redis}]}
  worker: {imports: [{name: cache, type: redis, environment: {C: \"{url}\"}}], x-overrides: {C: redis://elsewhere}}
wires: [{from: web, to: none}, {from: worker, to: none}]
"), @"warning: web.imports.cache: it is wired to none, so its variables are yours to set");
}

#[test]
fn a_cycle_is_shown_with_each_dependency() {
    assert_snapshot!(found("
instances:
  a: {imports: [{name: up, type: http}], exports: [{name: grpc, type: grpc, port: 1}]}
  b: {imports: [{name: back, type: grpc}], exports: [{name: http, type: http, port: 80}]}
  outside: {depends_on: [a]}
"), @"error: a.imports.up: a -> b (import up) -> a (import back): each waits for the next, so none can start; wire one differently, such as `{from: a.up, to: none}`");
    assert_snapshot!(found("
instances:
  web: {imports: [{name: db, type: mysql}]}
  db: {exports: [{name: db, type: mysql, port: 3306, properties: {user: u, database: d}}], depends_on: [init]}
  init: {depends_on: [web]}
"), @"error: web.imports.db: web -> db (import db) -> init (depends_on) -> web (depends_on): each waits for the next, so none can start; wire one differently, such as `{from: web.db, to: none}`, or remove the depends_on");
    assert_snapshot!(found("
instances:
  x: {depends_on: [y]}
  y: {depends_on: [x]}
"), @"");
}

#[test]
fn two_imports_never_set_one_variable() {
    assert_snapshot!(found("
instances:
  web:
    imports:
      - {name: read, type: redis, environment: {CACHE: \"{url}\"}}
      - {name: write, type: redis, environment: {CACHE: \"{url}\"}}
  a: {exports: [{name: c, type: redis, port: 6379}]}
"), @"error: web.imports.write: import read sets CACHE too; map them to different names in `environment`");
}

#[test]
fn placeholders_are_checked_when_they_are_defined() {
    assert_snapshot!(found("
instances:
  web:
    imports:
      - {name: cache, type: redis, required: false, environment: {A: \"{hots}\", B: \"{host\", C: \"{vhost}\", D: \"{{x}\"}}
"), @"
    error: web.imports.cache.environment.A: `{hots}` is nothing that redis has; did you mean `{host}`? write `{{` for a brace
    error: web.imports.cache.environment.B: `{` begins a placeholder that never ends; write `{{` for a brace
    error: web.imports.cache.environment.C: `{vhost}` is nothing that redis has; did you mean `{host}`? write `{{` for a brace
    ");
}

#[test]
fn unspecified_properties_give_no_empty_variables() {
    assert_snapshot!(found("
instances:
  web: {imports: [{name: db, type: postgres}]}
  tool: {imports: [{name: db, type: postgres, environment: {H: \"{host}\"}}]}
  old: {imports: [{name: db, type: postgres, environment: {P: \"{host}:{password}\"}}]}
  db: {exports: [{name: main, type: postgres, port: 5432}]}
"), @"
    error: old.imports.db.environment.P: db.main has no password; add it to its `properties`, or map `environment` without it
    error: web.imports.db: db.main has no user, database, which postgres needs; add it to its `properties`, or map `environment` without it
    warning: db.exports.main.properties: it has no user, database; consumers that need it cannot be wired
    ");
}

#[test]
fn properties_are_checked_when_they_are_defined() {
    assert_snapshot!(found("
instances:
  db:
    environment: {POSTGRES_USER: u}
    exports:
      - {name: a, type: postgres, port: 1, properties: {user: \"${env:POSTGRES_USR}\", database: \"${env:X\"}}
      - {name: b, type: redis, port: 2, properties: {pasword: x, host: y, scheme: http}}
      - {name: c, type: s3, port: 3, properties: {user: a, access_key: b, secret_key: c}}
      - {name: d, type: kafka, port: 4, properties: {database: x}}
"), @r#"
    error: db.exports.a.properties.database: `${env:` begins a reference that never ends; write `${env:NAME}`
    error: db.exports.a.properties.user: it refers to variable POSTGRES_USR, which the effective environment does not have; set it, or remove the property
    error: db.exports.b.properties.host: `host` depends on the consumer, so DevArch sets it; remove it here
    error: db.exports.b.properties.pasword: `pasword` is nothing that redis has; did you mean `password`?
    error: db.exports.b.properties.scheme: "http" is not one of redis, rediss
    error: db.exports.c.properties.user: `user` and `access_key` are the same; keep one of them
    error: db.exports.d.properties.database: `database` is nothing that kafka has; it has user, password
    "#);
}

#[test]
fn a_port_without_a_known_listener_is_reported() {
    assert_snapshot!(found("
instances:
  web: {ports: [8081, 9000], exports: [{name: http, type: http, port: 8080}]}
  quiet: {exports: [{name: http, type: http, port: 8080}]}
"), @"error: web.exports.http.port: nothing listens on port 8080, as far as `ports` and the image say: they have 8081, 9000; correct the port, or add it to `ports`");
}

#[test]
fn an_override_that_hides_a_wire_is_noted() {
    assert_snapshot!(found("
instances:
  web: {imports: [{name: cache, type: redis}], x-overrides: {CACHE_PORT: \"1\", CACHE_URL: }}
  a: {exports: [{name: c, type: redis, port: 6379}]}
"), @"
    note: web.environment.CACHE_PORT: an override sets CACHE_PORT, so the value from a.c is not used
    note: web.environment.CACHE_URL: an override sets CACHE_URL, so the value from a.c is not used
    ");
}

#[test]
fn external_providers_are_checked_like_exports() {
    assert_snapshot!(found("
instances:
  db: {}
external:
  db: {type: redis, host: x, port: 1}
  local: {type: postgres, host: localhost, port: 5432, user: \"${env:X}\"}
  tls: {type: http, host: x, port: 1, scheme: ftp}
"), @r#"
    error: external.db: an instance has that name too; rename one of them
    error: external.local.user: it refers to variable X, which the effective environment does not have; set it, or remove the property
    error: external.tls.scheme: "ftp" is not one of http, https
    warning: external.local: it has no database; consumers that need it cannot be wired
    warning: external.local.host: localhost is the container itself for who runs in one; name the host as containers reach it, such as host.docker.internal
    "#);
}
