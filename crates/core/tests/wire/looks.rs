//! Lists and graphs of wires.

use crate::support::{applied, is_sound, stack};
use devarch_core::wire::{LIST_HEADS, ListRow, WireStack, dot, list, resolve, svg, tree};
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

/// Formats the table as text with aligned columns.
fn list_text(rows: &[ListRow]) -> String {
    let heads = LIST_HEADS.map(str::to_owned);
    let lines = || std::iter::once(&heads).chain(rows.iter().map(|row| &row.cells));
    let width = |column: usize| lines().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut text = String::new();
    for cells in lines() {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[test]
fn a_list_shows_each_wire_with_its_origin_and_variables() {
    assert_snapshot!(list_text(&list(&resolve(&shop()))), @"
    CONSUMER  IMPORT  TYPE      PROVIDER     HOW            VARIABLES
    api       db      postgres  lan-db       auto           DB_DATABASE DB_HOST DB_PORT DB_URL DB_USER
    api       mail    smtp      -            no provider
    api       redis   redis     cache.cache  auto           REDIS_HOST REDIS_URL (REDIS_PORT)
    web       api     http      api.http     auto           API_HOST API_PORT API_URL
    worker    api     http      api.http     auto, new      API_HOST API_PORT API_URL
    worker    db      postgres  lan-db       auto, new      DB_DATABASE DB_HOST DB_PORT DB_URL DB_USER
    worker    redis   redis     cache.cache  explicit, new  REDIS_HOST REDIS_PORT REDIS_URL
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
fn a_dot_file_has_every_instance_and_shows_the_origin_of_each_wire() {
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

/// Sixty instances in four tiers.
fn sixty() -> WireStack {
    let mut lines = vec!["instances:".to_owned()];
    let export = |name: &str, of: &str| format!("{{name: {name}, type: {of}, port: 80}}");
    for n in 0..60 {
        let (tier, last) = (n / 15, n >= 45);
        let exports = export("x", ["http", "grpc", "nats", "redis"][tier]);
        let imports = if last {
            String::new()
        } else {
            format!("{{name: next, type: {}}}", ["grpc", "nats", "redis"][tier])
        };
        lines.push(format!("  i{n}: {{exports: [{exports}], imports: [{imports}]}}"));
    }
    lines.push("wires:".to_owned());
    lines.extend((0..45).map(|n| format!("- {{from: i{n}, to: i{}}}", (n / 15 + 1) * 15 + n * 7 % 15)));
    stack(&lines.join("\n"))
}

#[test]
fn a_picture_of_sixty_instances_has_each_once_without_overlap() {
    let stack = sixty();
    let resolution = resolve(&stack);
    assert!(is_sound(&resolution), "{:?}", resolution.findings);
    let picture = svg(stack.instances.keys(), &resolution);
    let number = |line: &str, field: &str| -> usize {
        let rest = line.split_once(&format!(" {field}=\"")).unwrap().1;
        rest.split('"').next().unwrap().parse().unwrap()
    };
    let boxes: Vec<[usize; 4]> = picture
        .lines()
        .filter(|line| line.starts_with("<rect x="))
        .map(|line| ["x", "y", "width", "height"].map(|field| number(line, field)))
        .collect();
    assert_eq!(boxes.len(), 60);
    for (n, [x, y, width, height]) in boxes.iter().enumerate() {
        for [left, top, wide, high] in &boxes[n + 1..] {
            let apart = x + width < *left || left + wide < *x || y + height < *top || top + high < *y;
            assert!(apart, "two boxes overlap");
        }
    }
    assert_eq!(picture.matches("<path ").count(), 45);
}

#[test]
fn a_picture_shows_the_origin_of_each_wire() {
    let shop = shop();
    assert_snapshot!(svg(shop.instances.keys(), &resolve(&shop)), @r##"
    <svg xmlns="http://www.w3.org/2000/svg" width="508" height="204" viewBox="0 0 508 204" font-family="sans-serif" font-size="12">
    <rect width="508" height="204" fill="white"/>
    <path d="M336 102 C381 102 381 82 426 82" fill="none" stroke="#3366aa" stroke-width="1" stroke-dasharray="5 3"><title>api.db -&gt; lan-db (postgres, auto)</title></path>
    <path d="M336 118 C381 118 381 122 426 122" fill="none" stroke="#3366aa" stroke-width="1" stroke-dasharray="5 3"><title>api.redis -&gt; cache.cache (redis, auto)</title></path>
    <path d="M131 86 C176 86 176 86 221 86" fill="none" stroke="#3366aa" stroke-width="1" stroke-dasharray="5 3"><title>web.api -&gt; api.http (http, auto)</title></path>
    <path d="M131 142 C176 142 176 86 221 86" fill="none" stroke="#3366aa" stroke-width="2" stroke-dasharray="5 3"><title>worker.api -&gt; api.http (http, auto)</title></path>
    <path d="M131 158 C176 158 176 56 221 56 H336 C381 56 381 82 426 82" fill="none" stroke="#3366aa" stroke-width="2" stroke-dasharray="5 3"><title>worker.db -&gt; lan-db (postgres, auto)</title></path>
    <path d="M131 174 C176 174 176 148 221 148 H336 C381 148 381 122 426 122" fill="none" stroke="#3366aa" stroke-width="2"><title>worker.redis -&gt; cache.cache (redis, explicit)</title></path>
    <rect x="221" y="72" width="115" height="60" rx="4" fill="#f4f8ff" stroke="#334"/>
    <text x="227" y="88" font-weight="bold">api</text>
    <text x="330" y="104" text-anchor="end" fill="#334">db (postgres)</text>
    <text x="330" y="120" text-anchor="end" fill="#334">redis</text>
    <rect x="426" y="108" width="66" height="28" rx="4" fill="#f4f8ff" stroke="#334"/>
    <text x="432" y="124" font-weight="bold">cache</text>
    <rect x="16" y="16" width="115" height="28" rx="4" fill="#f4f8ff" stroke="#334"/>
    <text x="22" y="32" font-weight="bold">idle</text>
    <rect x="16" y="56" width="115" height="44" rx="4" fill="#f4f8ff" stroke="#334"/>
    <text x="22" y="72" font-weight="bold">web</text>
    <text x="125" y="88" text-anchor="end" fill="#334">api (http)</text>
    <rect x="16" y="112" width="115" height="76" rx="4" fill="#f4f8ff" stroke="#334"/>
    <text x="22" y="128" font-weight="bold">worker</text>
    <text x="125" y="144" text-anchor="end" fill="#334">api (http)</text>
    <text x="125" y="160" text-anchor="end" fill="#334">db (postgres)</text>
    <text x="125" y="176" text-anchor="end" fill="#334">redis</text>
    <rect x="426" y="68" width="66" height="28" rx="4" fill="#dddddd" stroke="#334"/>
    <text x="432" y="84" font-weight="bold">lan-db</text>
    </svg>
    "##);
}
