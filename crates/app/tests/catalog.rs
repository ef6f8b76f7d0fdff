//! The templates built into DevArch.

use devarch_app::{
    Catalog, CatalogEntry, Context, Environment, NewInstance, Settings, add_instance, create_stack,
    find_stack,
};
use devarch_core::{
    compose::{ConfigPlace, compose_file, validate},
    desired::{ResolveInput, Subnets, desire},
    hash::HashKey,
    id::StoreId,
    resolve::HostView,
    secret::HoldsSecrets as _,
    template::{ContractType, HealthTest},
};
use std::{collections::BTreeMap, ffi::OsString, path::Path};

/// Templates whose image has no shell for checks, or that do nothing until they are given a command.
const UNCHECKED: &[&str] = &["busybox", "node", "otel-collector", "python"];

#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
async fn app(home: &Path) -> Context {
    let home: OsString = home.into();
    let settings =
        Settings::read(None, |name| matches!(name, "HOME" | "DEVARCH_HOME").then(|| home.clone())).unwrap();
    Context::open(settings, Environment::real()).await.unwrap()
}

/// Returns all of them.
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
fn templates() -> Vec<CatalogEntry> {
    let home = tempfile::tempdir().unwrap();
    let app = tokio::runtime::Runtime::new().unwrap().block_on(app(home.path()));
    Catalog::open(None, &app.settings().home).list().unwrap()
}

#[tokio::test]
async fn instances_of_every_template_can_be_planned() {
    let home = tempfile::tempdir().unwrap();
    let app = app(home.path()).await;
    let stack = "all".parse().unwrap();
    create_stack(&app, &stack, None).await.unwrap();
    let templates = Catalog::open(None, &app.settings().home).names().unwrap();
    for template in templates.keys() {
        let name = template.as_str().parse().unwrap();
        add_instance(&app, &stack, &NewInstance { name, template: template.clone() }).await.unwrap();
    }
    let stack = find_stack(&app, &stack).await.unwrap();
    let world = ResolveInput {
        store: &StoreId::new("store"),
        hash_key: Ok(&HashKey::new([0; 32])),
        defer_problems: false,
        subnets: &Subnets { own: "10.213.0.0/24".parse().unwrap(), links: BTreeMap::new() },
        home: None,
        host: &HostView::default(),
        images: &BTreeMap::new(),
        pull: None,
        build_hashes: &BTreeMap::new(),
        prior: &BTreeMap::new(),
        others: &BTreeMap::new(),
    };
    let desired = desire(&stack, &world).unwrap();
    assert_eq!(desired.instances.len(), templates.len());
    assert_eq!(desired.warnings, []);
    assert_eq!(validate(&compose_file(&desired, ConfigPlace::Inline)), []);
}

#[test]
fn health_checks_run_in_the_container_against_127_0_0_1() {
    for entry in templates() {
        let (name, service) = (entry.template.name.as_str(), entry.template.service);
        let Some(check) = service.healthcheck else {
            assert!(UNCHECKED.contains(&name), "{name} has no health check");
            continue;
        };
        let HealthTest::Shell(line) = check.test else { panic!("{name}: {:?}", check.test) };
        assert!(!line.contains("localhost"), "{name}: {line}");
        let addresses = line.split("://").skip(1);
        assert!(addresses.into_iter().all(|address| address.starts_with("127.0.0.1")), "{name}: {line}");
    }
}

/// Contracts whose providers store data.
const KEEPS: &[ContractType] = &[
    ContractType::Postgres,
    ContractType::Mysql,
    ContractType::Mongodb,
    ContractType::Amqp,
    ContractType::Kafka,
    ContractType::Elasticsearch,
    ContractType::S3,
];

#[test]
fn every_template_has_limits_a_description_and_named_volumes() {
    let all = templates();
    assert!(all.len() >= 36, "{}", all.len());
    for entry in all {
        let (template, service) = (&entry.template, &entry.template.service);
        let memory = service.resources.as_ref().and_then(|resources| resources.limits.memory);
        assert!(memory.is_some(), "{} has no memory limit", template.name);
        assert!(!template.description.is_empty(), "{} is not described", template.name);
        let keeps = template.exports.iter().any(|export| KEEPS.contains(&export.contract));
        let volumes = service.volumes.iter().flatten().count();
        assert!(!keeps || volumes > 0, "{} has no volume", template.name);
    }
}

#[test]
fn every_export_and_volume_is_valid() {
    for entry in templates() {
        let template = entry.template;
        let environment = template.service.environment.clone().unwrap_or_default();
        let ports: Vec<u16> = template.service.ports.iter().flatten().map(|port| port.key.target).collect();
        for export in &template.exports {
            assert!(ports.contains(&export.port), "{}: export {} has no port", template.name, export.name);
            for value in export.properties.values() {
                let value = value.to_text();
                let mut rest = value.reveal();
                while let Some((_, after)) = rest.split_once("${env:") {
                    let (variable, after) = after.split_once('}').unwrap();
                    assert!(environment.contains_key(variable), "{}: {variable} is not set", template.name);
                    rest = after;
                }
            }
        }
    }
}

#[test]
fn no_template_has_a_default_password() {
    for entry in templates() {
        let template = entry.template;
        assert_eq!(template.secret_values(), [], "{}", template.name);
        for (variable, value) in template.service.environment.iter().flatten() {
            let named = ["PASS", "SECRET", "TOKEN", "MASTER_KEY"].iter().any(|word| variable.contains(word));
            assert!(!named || value.is_secret(), "{}: {variable}", template.name);
        }
    }
}
