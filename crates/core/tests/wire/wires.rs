//! Which instances are wired.

use crate::support::{applied, found, is_sound, links, name, resolved, stack};
use devarch_core::wire::resolve;
use insta::assert_snapshot;

const SHOP: &str = "
instances:
  api: {imports: [{name: db, type: postgres}, {name: cache, type: redis}], exports: [{name: http, type: http, port: 8000}]}
  web: {imports: [{name: api, type: http}]}
  db: {exports: [{name: db, type: postgres, port: 5432, properties: {user: u, database: d}}]}
  cache: {exports: [{name: cache, type: redis, port: 6379}]}
";

#[test]
fn a_single_provider_is_wired_automatically_and_new_until_applied() {
    let mut shop = stack(SHOP);
    assert_snapshot!(links(&resolve(&shop)), @"
    api.cache -> cache.cache auto new
    api.db -> db.db auto new
    web.api -> api.http auto new
    ");
    applied(&mut shop);
    assert_snapshot!(links(&resolve(&shop)), @"
    api.cache -> cache.cache auto
    api.db -> db.db auto
    web.api -> api.http auto
    ");
    assert!(resolve(&shop).findings.is_empty());
}

#[test]
fn providers_are_ordered_before_their_consumers() {
    let order = resolved(SHOP).order;
    assert_eq!(order[&name("api")], [name("cache"), name("db")].into());
    assert_eq!(order[&name("web")], [name("api")].into());
    assert_eq!(order.len(), 2);
}

#[test]
fn explicit_wires_take_precedence_over_automatic_ones() {
    let text = "
instances:
  web: {imports: [{name: read, type: redis}, {name: write, type: redis}, {name: log, type: redis, required: false}]}
  a: {exports: [{name: c, type: redis, port: 1}]}
  b: {exports: [{name: x, type: redis, port: 1}, {name: y, type: redis, port: 2}]}
wires:
- {from: web.read, to: b.y}
- {from: web.write, to: a, contract: redis}
- {from: web.log, to: none}
";
    assert_snapshot!(links(&resolved(text)), @"
    web.read -> b.y explicit new
    web.write -> a.c explicit new
    ");
    assert_eq!(found(text), "");
}

#[test]
fn a_primary_is_preferred_only_if_the_stack_sets_it() {
    let text = "
instances:
  web: {imports: [{name: c, type: redis}]}
  a: {exports: [{name: c, type: redis, port: 1}]}
  b: {exports: [{name: c, type: redis, port: 1}], x-primary: true}
";
    assert_eq!(links(&resolved(text)), "");
    assert_snapshot!(links(&resolved(&format!("{text}prefer: primary"))), @"web.c -> b.c auto new");
    let two = format!(
        "{text}  c: {{exports: [{{name: c, type: redis, port: 1}}], x-primary: true}}\nprefer: primary"
    );
    assert!(!is_sound(&resolved(&two)));
}

#[test]
fn a_replaced_provider_is_shown_as_new_with_the_previous_one() {
    let mut shop = stack(SHOP);
    applied(&mut shop);
    let mut next = stack(&SHOP.replace("  cache: {exports", "  valkey: {exports"));
    next.prior = shop.prior;
    assert_snapshot!(links(&resolve(&next)), @"
    api.cache -> valkey.cache auto new was cache.cache
    api.db -> db.db auto
    web.api -> api.http auto
    ");
}

#[test]
fn external_providers_are_wired_like_the_stacks_own() {
    let text = "
instances:
  web: {imports: [{name: db, type: postgres}, {name: cache, type: redis}]}
  cache: {exports: [{name: c, type: redis, port: 1}]}
external:
  lan-db: {type: postgres, host: db.lan, port: 5432, user: u, database: d}
  lan-cache: {type: redis, host: cache.lan, port: 6379}
wires: [{from: web.cache, to: lan-cache}]
";
    let resolution = resolved(text);
    assert_snapshot!(links(&resolution), @"
    web.cache -> lan-cache explicit new
    web.db -> lan-db auto new
    ");
    assert!(resolution.order.is_empty(), "nothing waits for what DevArch does not start");
}

#[test]
fn an_instance_of_another_stack_is_wired_only_explicitly() {
    let text = "
instances:
  web: {imports: [{name: cache, type: redis}]}
others:
  infra/cache: {exports: [{name: c, type: redis, port: 1}]}
";
    assert!(!is_sound(&resolved(text)));
    let linked = resolved(&format!("{text}wires: [{{from: web, to: infra/cache}}]"));
    assert_snapshot!(links(&linked), @"web.cache -> infra/cache.c explicit new");
    assert_eq!(linked.variables[&name("web")]["CACHE_HOST"].value.reveal(), "devarch-infra-cache");
}

#[test]
fn the_previous_provider_is_reported_if_none_is_left() {
    let text = "
instances:
  web: {imports: [{name: cache, type: redis, required: false}]}
";
    let mut before = stack(&format!("{text}  a: {{exports: [{{name: c, type: redis, port: 1}}]}}"));
    applied(&mut before);
    let mut after = stack(text);
    after.prior = before.prior;
    let resolution = resolve(&after);
    assert!(is_sound(&resolution));
    assert_eq!(resolution.unwired[0].was.as_ref().map(ToString::to_string).as_deref(), Some("a.c"));
}
