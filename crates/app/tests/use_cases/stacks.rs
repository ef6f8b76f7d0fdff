//! Definitions of the stacks in tests.

use crate::harness::{Command, Sandbox};

/// A provider with data and a consumer with a file.
pub(crate) const SHOP: &str = r#"version: "1"
stacks:
  shop:
    instances:
      db:
        template: busybox
        command: [sh, -c, "sleep 1000"]
        environment: {MARK: "0"}
        volumes: ["data:/data"]
        ports: [5432]
        healthcheck: {test: "exit 0"}
      web:
        template: busybox
        command: [sh, -c, "sleep 1000"]
        ports: [80]
        depends_on: [db]
        config_files: {/site/index.html: {content: hello}}
"#;

/// [`SHOP`] with a changed provider.
pub(crate) const CHANGED: &str = r#"version: "1"
stacks:
  shop:
    instances:
      db:
        template: busybox
        command: [sh, -c, "sleep 1000"]
        environment: {MARK: "1"}
        volumes: ["data:/data"]
        ports: [5432]
        healthcheck: {test: "exit 0"}
      web:
        template: busybox
        command: [sh, -c, "sleep 1000"]
        ports: [80]
        depends_on: [db]
        config_files: {/site/index.html: {content: hello}}
"#;

/// All objects while it runs.
pub(crate) const RUNNING: [&str; 5] = [
    "container devarch-shop-db runs",
    "container devarch-shop-web runs",
    "network devarch-shop-net",
    "volume devarch-engine",
    "volume devarch-shop-db-data",
];

/// [`SHOP`] without the consumer.
pub(crate) const WITHOUT_WEB: &str = r#"version: "1"
stacks:
  shop:
    instances:
      db:
        template: busybox
        command: [sh, -c, "sleep 1000"]
        environment: {MARK: "0"}
        volumes: ["data:/data"]
        ports: [5432]
        healthcheck: {test: "exit 0"}
"#;

/// [`SHOP`] with one more instance, which has data of its own.
pub(crate) const WITH_MAIL: &str = r#"version: "1"
stacks:
  shop:
    instances:
      db:
        template: busybox
        command: [sh, -c, "sleep 1000"]
        environment: {MARK: "0"}
        volumes: ["data:/data"]
        ports: [5432]
        healthcheck: {test: "exit 0"}
      mail:
        template: busybox
        command: [sh, -c, "sleep 1000"]
        volumes: ["spool:/spool"]
      web:
        template: busybox
        command: [sh, -c, "sleep 1000"]
        ports: [80]
        depends_on: [db, mail]
        config_files: {/site/index.html: {content: hello}}
"#;

/// [`SHOP`] with the provider on a newer image, [`NEWER`].
pub(crate) const UPGRADED: &str = r#"version: "1"
stacks:
  shop:
    instances:
      db:
        template: busybox
        exports: []
        image: busybox:1.38
        command: [sh, -c, "sleep 1000"]
        environment: {MARK: "0"}
        volumes: ["data:/data"]
        ports: [5432]
        healthcheck: {test: "exit 0"}
      web:
        template: busybox
        command: [sh, -c, "sleep 1000"]
        ports: [80]
        depends_on: [db]
        config_files: {/site/index.html: {content: hello}}
"#;

/// A newer image.
pub(crate) const NEWER: &str = "busybox:1.38";

/// An instance of an image that is built.
pub(crate) const BUILT: &str = r#"version: "1"
stacks:
  shop:
    instances:
      api:
        template: busybox
        exports: []
        image: me/api:1
        build: {context: ., dockerfile_inline: "FROM busybox:1.37\n"}
"#;

/// A stack with an instance that is linked to another stack's.
pub(crate) const LINKED: &str = r#"version: "1"
templates:
  server:
    image: busybox:1.37
    command: [sh, -c, "sleep 1000"]
    healthcheck: {test: "exit 0"}
    exports: [{name: web, type: http, port: 80}]
  client:
    image: busybox:1.37
    command: [sh, -c, "sleep 1000"]
    imports: [{name: upstream, type: http}]
stacks:
  infra:
    instances:
      db: {template: server}
  shop:
    wires: [{from: api, to: infra/db}]
    instances:
      api: {template: client}
"#;

/// Returns a devarch.yml whose stack `shop` has these instances, each on a line of its own.
pub(crate) fn shop(instances: &[&str]) -> &'static str {
    shop_of("", &[], instances)
}

/// Returns the same with other fields of the stack before them, and with the file's own templates.
pub(crate) fn shop_of(fields: &str, templates: &[&str], instances: &[&str]) -> &'static str {
    let lines = |lines: &[&str], indent: &str| -> String {
        lines.iter().flat_map(|line| [indent, line, "\n"]).collect()
    };
    let templates = match templates {
        [] => String::new(),
        some => format!("templates:\n{}", lines(some, "  ")),
    };
    let fields = if fields.is_empty() { String::new() } else { format!("    {fields}\n") };
    let instances = lines(instances, "      ");
    format!("version: \"1\"\n{templates}stacks:\n  shop:\n{fields}    instances:\n{instances}").leak()
}

/// Creates a home in which [`SHOP`] is running.
pub(crate) async fn running_shop() -> Sandbox {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox
}
