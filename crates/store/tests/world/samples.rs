//! Stacks to save.

use devarch_core::{
    engine::{EngineBinding, EngineKind},
    id::{EngineId, ImageId, InstanceId, StackId},
    name::{InstanceName, PhysicalVolume, StackName, VolumeName},
    policy::Allowance,
    stack::{HostBinding, Instance, Pinned, Stack, Wanted},
    template::{Overrides, PortKey, Protocol, Template},
};
use devarch_store::Applied;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Parses a name.
pub(crate) fn named<T: std::str::FromStr<Err: std::fmt::Debug>>(name: &str) -> T {
    name.parse().unwrap()
}

/// A template of that name with a good part of the fields there are.
pub(crate) fn template(name: &str) -> Arc<Template> {
    let body = format!(
        r#"{{
            "name": "{name}",
            "description": "It's \"{name}\" — ünïcode, 100% and $1",
            "service": {{
                "image": "docker.io/library/{name}:16",
                "command": ["{name}", "-c", "fsync=off"],
                "environment": {{"PLAIN": "a b", "PASSWORD": {{"value": "s3cret", "secret": true}}}},
                "ports": [{{"target": 5432, "protocol": "tcp"}}],
                "volumes": [{{"volume": "data", "target": "/var/lib/{name}"}}],
                "healthcheck": {{"test": {{"shell": "true"}}, "retries": 5}},
                "labels": {{"a.b/c": "d"}}
            }},
            "config_files": {{"/etc/{name}.conf": {{"content": "x = 1\n\ty = \"2\"\n"}}}},
            "exports": [{{"name": "db", "type": "postgres", "port": 5432}}],
            "imports": [{{"name": "cache", "type": "redis", "required": false}}]
        }}"#
    );
    Arc::new(Template::from_stored(&body).unwrap())
}

/// An instance with one volume and, where a host port is given, one port at 127.0.0.1.
pub(crate) fn instance(stack: &str, name: &str, slot: u32, host_port: Option<u16>) -> Instance {
    let ports = host_port.map(|port| (tcp(5432), at("127.0.0.1", port)));
    Instance {
        id: InstanceId::new(uuid::Uuid::now_v7().to_string()),
        template: Pinned::new(template("postgres")),
        overrides: Overrides::default(),
        enabled: true,
        wanted: Wanted::Running,
        slot,
        ports: ports.into_iter().collect(),
        volumes: BTreeMap::from([volume(stack, name, "data")]),
    }
}

/// A volume with the physical name it gets when it is defined.
pub(crate) fn volume(stack: &str, instance: &str, name: &str) -> (VolumeName, PhysicalVolume) {
    let volume: VolumeName = named(name);
    let physical = PhysicalVolume::of(&named(stack), &named(instance), &volume);
    (volume, physical)
}

/// A TCP port of a container.
pub(crate) fn tcp(target: u16) -> PortKey {
    PortKey {
        target,
        protocol: Protocol::Tcp,
    }
}

/// A port of the host.
pub(crate) fn at(host_ip: &str, host_port: u16) -> HostBinding {
    HostBinding {
        host_ip: host_ip.parse().unwrap(),
        host_port,
    }
}

/// A stack of such instances without ports.
pub(crate) fn stack(name: &str, instances: &[&str]) -> Stack {
    let mut stack = Stack {
        id: StackId::new(uuid::Uuid::now_v7().to_string()),
        name: named(name),
        project: Some(format!("/home/me/{name}")),
        enabled: true,
        revision: 1,
        engine: None,
        subnet: None,
        allow: BTreeSet::new(),
        instances: BTreeMap::new(),
    };
    for instance in instances {
        add(&mut stack, instance, None);
    }
    stack
}

/// Adds an instance to a stack.
pub(crate) fn add(stack: &mut Stack, name: &str, host_port: Option<u16>) {
    let instance = instance(stack.name.as_str(), name, stack.free_slot(), host_port);
    stack.instances.insert(named(name), instance);
}

/// A stack that uses everything a stack can say.
pub(crate) fn rich() -> Stack {
    let mut stack = stack("shop", &["db", "web", "worker"]);
    stack.engine = Some(engine("engine-1"));
    stack.subnet = Some(named("10.213.4.0/26"));
    stack.allow = BTreeSet::from([Allowance::HostPaths, Allowance::Privileged]);
    let db = get(&mut stack, "db");
    db.ports.insert(tcp(5432), at("127.0.0.1", 20001));
    db.ports.insert(tcp(80), at("::1", 20001));
    let udp = PortKey {
        target: 5432,
        protocol: Protocol::Udp,
    };
    db.ports.insert(udp, at("0.0.0.0", 20001));
    db.volumes.extend([volume("older-name", "db", "wal")]);
    let web = get(&mut stack, "web");
    web.template = Pinned::new(template("nginx"));
    web.wanted = Wanted::Stopped;
    web.overrides = Overrides::from_stored(OVERRIDES).unwrap();
    let worker = get(&mut stack, "worker");
    worker.enabled = false;
    worker.wanted = Wanted::Absent;
    worker.slot = 40;
    worker.volumes.clear();
    stack
}

const OVERRIDES: &str = r#"{
    "image": "nginx:1.27",
    "environment": {"KEY": {"value": "hidden", "secret": true}},
    "environment_add": {"GONE": null, "MORE": "x"},
    "ports_add": [[{"target": 80, "protocol": "tcp"}, null]],
    "volumes_add": {"/cache": null, "/src": {"bind": "./src", "target": "/src"}},
    "config_files": {"/etc/a.conf": null, "/etc/b.conf": {"content": "b\n\u0000", "secret": true}},
    "exports": []
}"#;

/// The instance of that name.
pub(crate) fn get<'a>(stack: &'a mut Stack, name: &str) -> &'a mut Instance {
    stack
        .instances
        .get_mut(&named::<InstanceName>(name))
        .unwrap()
}

/// Gives an instance another name.
pub(crate) fn rename(stack: &mut Stack, from: &str, to: &str) {
    let instance = stack
        .instances
        .remove(&named::<InstanceName>(from))
        .unwrap();
    stack.instances.insert(named(to), instance);
}

/// An engine.
pub(crate) fn engine(id: &str) -> EngineBinding {
    EngineBinding {
        kind: EngineKind::Podman,
        id: EngineId::new(id),
        endpoint: "unix:///run/podman/podman.sock".to_owned(),
    }
}

/// What was applied of an instance.
pub(crate) fn applied(hash: &str) -> Applied {
    Applied {
        engine_id: EngineId::new("engine-1"),
        hash: hash.to_owned(),
        form: 1,
        spec: r#"{"image": "postgres:16", "environment": {"PASSWORD": "s3cret"}}"#.to_owned(),
        image_id: ImageId::new("sha256:abc"),
        container_id: None,
    }
}

/// A stack's name.
pub(crate) fn stack_name(name: &str) -> StackName {
    named(name)
}
