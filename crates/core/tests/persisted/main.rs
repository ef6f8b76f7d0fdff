//! Compares the hashed and stored forms with those checked in when they were introduced. A changed form would replace
//! every container and make stored applies unreadable: a new form needs a new version.

use devarch_core::{
    content::ContentRef,
    desired::config_hash,
    hash::HashKey,
    name::{NetworkName, PhysicalVolume},
    persisted::{applied_form, config_form},
    port::{PortKey, Protocol},
    spec::{Attachment, ContainerSpec, FileContent, FileSpec, Mount, MountFrom, PublishedPort},
    template::{
        Dependency, DependencyCondition, HealthTest, Healthcheck, Limits, Reservations, Resources,
        RestartPolicy, TmpfsMount, Ulimit,
    },
    text::Text,
    unit::{Bytes, Cpus, FileMode, Millis, Owner},
};
use serde_json::Value;
use std::collections::BTreeMap;

const CONFIG: &str = include_str!("config.v1.json");
const LEAST: &str = include_str!("least.v1.json");
const APPLIED: &str = include_str!("applied.v1.json");

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn list(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn file(content: impl Into<FileContent>) -> FileSpec {
    FileSpec { content: content.into(), mode: FileMode(0o640), owner: Owner { uid: 101, gid: 102 } }
}

fn port(target: u16, protocol: Protocol, host_port: u16) -> PublishedPort {
    PublishedPort { key: PortKey { target, protocol }, host_ip: [127, 0, 0, 1].into(), host_port }
}

fn healthcheck() -> Healthcheck {
    Healthcheck {
        test: HealthTest::Shell("pg_isready -U \"$USER\"".to_owned()),
        interval: Some(Millis(90_000)),
        timeout: Some(Millis(500)),
        retries: Some(5),
        start_period: Some(Millis(0)),
        start_interval: Some(Millis(1_500)),
    }
}

fn mounts() -> Vec<Mount> {
    vec![
        Mount {
            target: "/data".to_owned(),
            source: MountFrom::Volume(PhysicalVolume::from_stored("devarch-shop-api-data")),
            read_only: false,
        },
        Mount {
            target: "/src".to_owned(),
            source: MountFrom::Bind("/home/me/src".to_owned()),
            read_only: true,
        },
    ]
}

fn config_files() -> BTreeMap<String, FileSpec> {
    [
        ("/etc/api.conf".to_owned(), file(Text::plain("listen 80;\n"))),
        ("/etc/large.conf".to_owned(), file(FileContent::Kept(ContentRef::from_text("a large one")))),
        ("/etc/token".to_owned(), file(Text::secret("s3cret"))),
    ]
    .into()
}

/// A container with a value in every field. No `..`, so that a new field has to get a value here.
fn full() -> ContainerSpec {
    ContainerSpec {
        image: "ghcr.io/me/api:1.2".to_owned(),
        build_tag: None,
        platform: Some("linux/amd64".to_owned()),
        command: Some(vec![Text::plain("serve"), Text::secret("hunter2")]),
        entrypoint: Some(vec![Text::plain("/init")]),
        user: Some("1000:1000".to_owned()),
        working_dir: Some("/srv".to_owned()),
        hostname: "api".to_owned(),
        restart: RestartPolicy::OnFailure(3),
        job: true,
        init: true,
        tty: true,
        stdin_open: true,
        read_only: true,
        privileged: true,
        network_mode: Some("host".to_owned()),
        pid: Some("host".to_owned()),
        ipc: Some("private".to_owned()),
        stop_signal: Some("SIGINT".to_owned()),
        stop_grace_period: Some(Millis(61_000)),
        shm_size: Some(Bytes(64 << 20)),
        environment: [
            ("NAME".to_owned(), Text::plain("Zoë \"\\ \n")),
            ("PASSWORD".to_owned(), Text::secret("hunter2")),
        ]
        .into(),
        labels: texts(&[("team", "core")]),
        ports: vec![port(8080, Protocol::Tcp, 20_001), port(53, Protocol::Udp, 20_002)],
        mounts: mounts(),
        tmpfs: vec![TmpfsMount {
            target: "/run".to_owned(),
            size: Some(Bytes(1 << 20)),
            mode: Some(FileMode(0o1777)),
        }],
        healthcheck: Some(healthcheck()),
        extra_hosts: texts(&[("proxy", "host-gateway")]),
        dns: list(&["9.9.9.9"]),
        cap_add: list(&["NET_ADMIN"]),
        cap_drop: list(&["ALL"]),
        devices: list(&["/dev/fuse:/dev/fuse:rwm"]),
        security_opt: list(&["no-new-privileges"]),
        group_add: list(&["audio"]),
        sysctls: texts(&[("net.core.somaxconn", "1024")]),
        ulimits: [("nofile".to_owned(), Ulimit { soft: 1024, hard: -1 })].into(),
        resources: Resources {
            limits: Limits { cpus: Some(Cpus(1500)), memory: Some(Bytes(512 << 20)), pids: Some(100) },
            reservations: Reservations { memory: Some(Bytes(1000)) },
        },
        config_files: config_files(),
        network: Some(Attachment {
            name: NetworkName::from_stored("devarch-shop"),
            address: [10, 213, 0, 3].into(),
            aliases: list(&["api"]),
        }),
    }
}

/// A container with only the required fields.
fn least() -> ContainerSpec {
    ContainerSpec::new("busybox", "one")
}

fn key() -> HashKey {
    HashKey::new([7; 32])
}

#[test]
fn the_hashed_form_matches_the_checked_in_one() {
    assert_eq!(config_form(&full()).to_string(), CONFIG.trim_end());
    assert_eq!(config_form(&least()).to_string(), LEAST.trim_end());
}

#[test]
fn config_hashes_match_those_of_earlier_releases() {
    let built = ContainerSpec { build_tag: Some("devarch/shop-api".to_owned()), ..full() };
    let hashes = [full(), least(), built].map(|spec| config_hash(&key(), &spec));
    let known = [
        "1:7955781f4f6a3b639bac57efcaf4bebb174e822c2555fbc91bb89a3c48646066",
        "1:f1d92ee0187007ce7b98af4828e0ed781f6dccd4687a282a342094c7ed5f2d72",
        "1:0098776e78a406a81d6b2274ee98b33d078b4269a3308971496e42bd20e18bb5",
    ];
    assert_eq!(hashes, known);
}

#[test]
fn the_stored_form_matches_the_checked_in_one() {
    let on = |condition, restart, required| Dependency { condition, restart, required };
    let depends_on = [
        ("a".parse().unwrap(), on(DependencyCondition::Ready, false, true)),
        ("b".parse().unwrap(), on(DependencyCondition::ServiceStarted, true, false)),
        ("c".parse().unwrap(), on(DependencyCondition::ServiceHealthy, false, true)),
        ("d".parse().unwrap(), on(DependencyCondition::ServiceCompletedSuccessfully, true, true)),
    ]
    .into();
    let wires = texts(&[("db", "instance:db:postgres")]);
    assert_eq!(applied_form(&least(), &depends_on, &wires).to_string(), APPLIED.trim_end());
    assert_eq!(applied_form(&full(), &BTreeMap::new(), &BTreeMap::new()).to_string(), CONFIG.trim_end());
}

#[test]
fn every_field_of_a_container_is_hashed() {
    let Value::Object(fields) = serde_json::to_value(full()).unwrap() else { panic!("an object") };
    let form = config_form(&full());
    let missing: Vec<&String> = fields.keys().filter(|field| form.get(field).is_none()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn no_secret_is_in_a_form() {
    let forms = [config_form(&full()), applied_form(&full(), &BTreeMap::new(), &BTreeMap::new())];
    assert!(forms.iter().all(|form| !form.to_string().contains("hunter2")));
    assert!(forms.iter().all(|form| !form.to_string().contains("s3cret")));
}
