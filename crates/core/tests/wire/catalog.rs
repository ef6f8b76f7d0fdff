//! The templates DevArch brings along keep to the contract table.

use crate::support::{found, name, of_template};
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
fn every_export_of_the_catalog_says_what_its_type_carries() {
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
        let container = ContainerName::of(&"shop".parse().unwrap(), &name(title)).unwrap();
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

#[test]
fn an_empty_stack_has_nothing_to_say() {
    assert_eq!(found("instances: {}"), "");
}
