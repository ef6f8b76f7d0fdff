//! The built-in templates conform to the contract table.

use crate::support::{found, lines, name, of_template, variables};
use devarch_core::{
    name::ContainerName,
    read::{parse_yaml, read_template},
    wire::{WireStack, resolve},
};

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../../catalog/", $name, ".yaml")))),*]
    };
}

#[test]
fn every_export_of_the_catalog_specifies_the_properties_of_its_type() {
    let mut stack = WireStack::default();
    for (title, text) in templates![
        "adminer",
        "clickhouse",
        "elasticsearch",
        "grafana",
        "jaeger",
        "kafka",
        "keycloak",
        "localstack",
        "mailpit",
        "mariadb",
        "meilisearch",
        "memcached",
        "minio",
        "mongodb",
        "mosquitto",
        "mysql",
        "nats",
        "nginx",
        "opensearch",
        "otel-collector",
        "pgadmin",
        "php-fpm",
        "postgres",
        "prometheus",
        "qdrant",
        "rabbitmq",
        "redis",
        "redpanda",
        "traefik",
        "valkey",
        "vault",
        "caddy",
        "loki",
    ] {
        let template = read_template(&parse_yaml(text).unwrap(), Some(&title.parse().unwrap())).unwrap();
        let container = ContainerName::for_instance(&"shop".parse().unwrap(), &name(title)).unwrap();
        stack.instances.insert(name(title), of_template(&template, container));
    }
    let found: Vec<String> = resolve(&stack)
        .findings
        .iter()
        .map(ToString::to_string)
        .filter(|line| line.contains(".exports.") || line.contains(".environment."))
        .collect();
    insta::assert_snapshot!(found.join("\n"), @"");
}

/// Names and forms are from the images: Keycloak's "Configuring the database", the entry point of pgAdmin's image,
/// `index.php` of Adminer's.
#[test]
fn templates_with_imports_get_the_variables_their_images_read() {
    let mut stack = WireStack::default();
    for (title, text) in templates!["adminer", "keycloak", "mysql", "pgadmin", "postgres"] {
        let template = read_template(&parse_yaml(text).unwrap(), Some(&title.parse().unwrap())).unwrap();
        let container = ContainerName::for_instance(&"shop".parse().unwrap(), &name(title)).unwrap();
        stack.instances.insert(name(title), of_template(&template, container));
    }
    let resolution = resolve(&stack);
    insta::assert_snapshot!(variables(&resolution), @"
    adminer: MYSQL_SERVER=devarch-shop-mysql:3306
    adminer: POSTGRES_SERVER=devarch-shop-postgres:5432
    keycloak: KC_DB=postgres
    keycloak: KC_DB_PASSWORD=[REDACTED]
    keycloak: KC_DB_URL=jdbc:postgresql://devarch-shop-postgres:5432/devarch
    keycloak: KC_DB_USERNAME=devarch
    pgadmin: WIRED_DATABASE=devarch
    pgadmin: WIRED_HOST=devarch-shop-postgres
    pgadmin: WIRED_PASSWORD=[REDACTED]
    pgadmin: WIRED_PORT=5432
    pgadmin: WIRED_USER=devarch
    ");
    insta::assert_snapshot!(lines(&resolution), @"");
}

#[test]
fn an_empty_stack_has_no_findings() {
    assert_eq!(found("instances: {}"), "");
}
