//! Stacks to save.

use devarch_core::{
    engine::{EngineBinding, EngineKind},
    hash::HashKey,
    id::{ApplyId, EngineId, ImageId, InstanceId, PlanId, SecretId, StackId},
    kept::KeptValues,
    name::{InstanceName, PhysicalVolume, StackName, VolumeName},
    plan::SpecState,
    policy::Allowance,
    port::{HostBinding, PortKey, Protocol},
    secret::{Generate, KeptSecret, Sealable, SecretValue, Stored},
    stack::{DesiredRun, Instance, Pinned, Stack, StackFile},
    template::{
        ConfigContent, ConfigFile, ContractType, EnvValue, Export, Given, HealthTest, Healthcheck,
        HostPortChoice, Import, MountSource, Overrides, PortSpec, RestartPolicy, Service, Template,
        VolumeMount,
    },
    wire::{ExternalDecl, Prefer, Property, Wiring},
};
use devarch_store::{
    Applied, Apply, ApplyOutcome, Author, KeptVolume, LockOwner, SavedPlan, StackLock, Store,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

/// The secrets in the samples.
pub(crate) const PASSWORD: &str = "s3cret-of-a-variable";
pub(crate) const CONTENT: &str = "s3cret-in-a-file";
pub(crate) const PROPERTY: &str = "s3cret-of-an-export";
pub(crate) const OWN: &str = "s3cret-of-a-stack \" \n \u{fc}";
pub(crate) const MADE: &str = "s3cret-made-for-an-instance";
pub(crate) const APPLIED: &str = "s3cret-that-was-applied";
pub(crate) const DEFINED: &str = "s3cret-in-a-definition";
pub(crate) const OUTSIDE: &str = "s3cret-of-something-outside";
pub(crate) const KEPT: &str = "s3cret-kept-with-a-volume";
pub(crate) const SECRETS: [&str; 9] =
    [PASSWORD, CONTENT, PROPERTY, OWN, MADE, APPLIED, DEFINED, OUTSIDE, KEPT];

/// Parses a name.
pub(crate) fn named<T: std::str::FromStr<Err: std::fmt::Debug>>(name: &str) -> T {
    name.parse().unwrap()
}

/// A template of that name with a good part of the fields there are.
pub(crate) fn template(name: &str) -> Arc<Template> {
    let service = Service {
        image: Some(format!("docker.io/library/{name}:16")),
        command: Some(vec![name.to_owned(), "-c".to_owned(), "fsync=off".to_owned()]),
        restart: Some(RestartPolicy::OnFailure(3)),
        environment: Some(environment()),
        ports: Some(vec![published(tcp(5432))]),
        volumes: Some(vec![mount(MountSource::Volume(named("data")), "/var/lib/data")]),
        healthcheck: Some(Healthcheck {
            test: HealthTest::Shell("true".to_owned()),
            interval: None,
            timeout: None,
            retries: Some(5),
            start_period: None,
            start_interval: None,
        }),
        labels: Some(BTreeMap::from([("a.b/c".to_owned(), "d".to_owned())])),
        ..Service::default()
    };
    let cache = Import {
        own: false,
        name: "cache".to_owned(),
        contract: ContractType::Redis,
        required: false,
        environment: BTreeMap::from([("CACHE".to_owned(), "{url}".to_owned())]),
    };
    Arc::new(Template {
        name: named(name),
        description: format!("It's \"{name}\" — ünïcode, 100% and $1"),
        service,
        config_files: BTreeMap::from([("/etc/a.conf".to_owned(), file("x = 1\n\ty = \"2\"\n"))]),
        exports: vec![Export {
            provision: None,
            name: "db".to_owned(),
            contract: ContractType::Postgres,
            port: 5432,
            properties: BTreeMap::from([("password".to_owned(), Given::secret(PROPERTY))]),
        }],
        imports: vec![cache],
    })
}

/// A template as instances have it.
pub(crate) fn pinned(name: &str) -> Pinned {
    Pinned::new(template(name), &HashKey::new([7; 32])).unwrap()
}

/// A secret that was set in 2023.
pub(crate) fn kept(value: &str) -> KeptSecret {
    KeptSecret {
        id: SecretId::new(uuid::Uuid::now_v7().to_string()),
        value: SecretValue::new(value),
        changed_at: 1_700_000_000_000,
    }
}

/// Values of every kind that can be kept with a volume.
pub(crate) fn kept_values(value: &str) -> KeptValues {
    let value = SecretValue::new(value);
    let logins = BTreeMap::from([("own db web_db".to_owned(), value.clone())]);
    KeptValues {
        environment: BTreeMap::from([("PASSWORD".to_owned(), value.clone())]),
        secrets: BTreeMap::from([(named("PW"), value)]),
        logins: BTreeMap::from([(named("web"), logins)]),
    }
}

/// A volume of a deleted stack.
pub(crate) fn kept_volume() -> KeptVolume {
    KeptVolume {
        engine: EngineId::new("engine-1"),
        physical: PhysicalVolume::from_stored("devarch-old-db-data"),
        stack_id: StackId::new("stack-old"),
        stack: named("old"),
        instance_id: InstanceId::new("instance-old"),
        instance: named("db"),
        volume: named("data"),
        deleted_at: UNIX_EPOCH,
        values: kept_values(KEPT),
    }
}

/// A text with a secret beside it.
pub(crate) fn stored(open: &str, secret: &str) -> Stored {
    Stored { open: open.to_owned(), secret: Sealable::Open(format!("[\"{secret}\"]").into()) }
}

/// Overrides of one instance.
fn overrides() -> Overrides {
    Overrides {
        service: Service { image: Some("nginx:1.27".to_owned()), ..Service::default() },
        environment_add: BTreeMap::from([
            ("GONE".to_owned(), None),
            ("HIDDEN".to_owned(), environment().remove("PASSWORD")),
        ]),
        ports_add: [(tcp(80), None), (tcp(81), Some(published(tcp(81))))].into_iter().collect(),
        volumes_add: BTreeMap::from([
            ("/cache".to_owned(), None),
            ("/src".to_owned(), Some(mount(MountSource::Bind("./src".to_owned()), "/src"))),
        ]),
        config_files: BTreeMap::from([
            ("/etc/a.conf".to_owned(), None),
            ("/etc/b.conf".to_owned(), Some(file("zero: \0, quote: '"))),
        ]),
        exports: Some(Vec::new()),
        imports: None,
    }
}

fn environment() -> BTreeMap<String, EnvValue> {
    BTreeMap::from([
        ("PLAIN".to_owned(), EnvValue::plain("a b")),
        ("PASSWORD".to_owned(), EnvValue::secret(PASSWORD)),
        ("MADE".to_owned(), EnvValue::Generate(Generate::default())),
    ])
}

fn published(key: PortKey) -> PortSpec {
    PortSpec { key, host_ip: None, published: HostPortChoice::Fixed(8080) }
}

fn mount(source: MountSource, target: &str) -> VolumeMount {
    VolumeMount { source, target: target.to_owned(), read_only: true }
}

fn file(content: &str) -> ConfigFile {
    ConfigFile { content: ConfigContent::secret(format!("{content}{CONTENT}")), mode: None, owner: None }
}

/// An instance with one volume and, where a host port is given, one port at 127.0.0.1.
pub(crate) fn instance(stack: &str, name: &str, slot: u32, host_port: Option<u16>) -> Instance {
    let ports = host_port.map(|port| (tcp(5432), at("127.0.0.1", port)));
    Instance {
        id: InstanceId::new(uuid::Uuid::now_v7().to_string()),
        template: pinned("postgres"),
        overrides: Overrides::default(),
        enabled: true,
        wanted: DesiredRun::Running,
        slot,
        ports: ports.into_iter().collect(),
        volumes: BTreeMap::from([volume(stack, name, "data")]),
        generated: BTreeMap::new(),
    }
}

/// A volume with the physical name it gets when it is defined.
pub(crate) fn volume(stack: &str, instance: &str, name: &str) -> (VolumeName, PhysicalVolume) {
    let volume: VolumeName = named(name);
    let physical = PhysicalVolume::for_instance(&named(stack), &named(instance), &volume);
    (volume, physical)
}

/// A TCP port of a container.
pub(crate) fn tcp(target: u16) -> PortKey {
    PortKey { target, protocol: Protocol::Tcp }
}

/// A port of the host.
pub(crate) fn at(host_ip: &str, host_port: u16) -> HostBinding {
    HostBinding { host_ip: host_ip.parse().unwrap(), host_port }
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
        imported: None,
        allow: BTreeSet::new(),
        secrets: BTreeMap::new(),
        wiring: Wiring::default(),
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

/// A stack that uses every feature.
pub(crate) fn rich() -> Stack {
    let mut stack = stack("shop", &["db", "web", "worker"]);
    stack.engine = Some(engine("engine-1"));
    stack.subnet = Some(named("10.213.4.0/26"));
    stack.allow = BTreeSet::from([Allowance::HostPaths, Allowance::Privileged]);
    stack.secrets = BTreeMap::from([(named("PW"), kept(OWN)), (named("pw.2"), kept(""))]);
    let db = get(&mut stack, "db");
    db.generated = BTreeMap::from([("MADE".to_owned(), kept(MADE))]);
    db.ports.insert(tcp(5432), at("127.0.0.1", 20001));
    db.ports.insert(tcp(80), at("::1", 20001));
    let udp = PortKey { target: 5432, protocol: Protocol::Udp };
    db.ports.insert(udp, at("0.0.0.0", 20001));
    db.volumes.extend([volume("older-name", "db", "wal")]);
    let web = get(&mut stack, "web");
    web.template = pinned("nginx");
    web.wanted = DesiredRun::Stopped;
    web.overrides = overrides();
    let worker = get(&mut stack, "worker");
    worker.enabled = false;
    worker.wanted = DesiredRun::Absent;
    worker.slot = 40;
    worker.volumes.clear();
    stack.wiring = wiring();
    stack.imported = Some(StackFile::from_stack(&stack));
    stack
}

/// Wiring that uses every feature.
fn wiring() -> Wiring {
    let external = r#"{"type":"postgres","host":"db.lan","port":5432,"user":"shop","database":"shop"}"#;
    let mut external: ExternalDecl = serde_json::from_str(external).unwrap();
    external.properties.insert(Property::Password, Given::secret(OUTSIDE));
    let wire = r#"{"from":"web.db","to":"outside","contract":"postgres"}"#;
    Wiring {
        wires: vec![serde_json::from_str(wire).unwrap()],
        prefer: Some(Prefer::Primary),
        external: BTreeMap::from([(named("outside"), external)]),
    }
}

/// The instance of that name.
pub(crate) fn get<'a>(stack: &'a mut Stack, name: &str) -> &'a mut Instance {
    stack.instances.get_mut(&named::<InstanceName>(name)).unwrap()
}

/// Gives an instance another name.
pub(crate) fn rename(stack: &mut Stack, from: &str, to: &str) {
    let instance = stack.instances.remove(&named::<InstanceName>(from)).unwrap();
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

/// The applied state of an instance.
pub(crate) fn applied(hash: &str) -> Applied {
    Applied {
        engine_id: EngineId::new("engine-1"),
        hash: hash.to_owned(),
        form: 1,
        spec: stored(r#"{"image": "postgres:16", "environment": {"PASSWORD": "[REDACTED]"}}"#, APPLIED),
        image_id: Some(ImageId::new("sha256:abc")),
        state: SpecState::Begun,
    }
}

/// A stack's name.
pub(crate) fn stack_name(name: &str) -> StackName {
    named(name)
}

/// A user.
pub(crate) fn author(user: &str) -> Author {
    Author { user: user.to_owned(), host: "laptop".to_owned(), pid: 4242 }
}

/// A user who has been applying since 2023-11-14.
pub(crate) fn owner(user: &str) -> LockOwner {
    LockOwner { operation: "apply shop".to_owned(), author: author(user), since: 1_700_000_000_000 }
}

/// Takes a lock that is free, or becomes so as soon as the database sees that its holder is dead.
pub(crate) async fn lock(store: &Store, stack: &StackId) -> StackLock {
    let patience = Duration::from_secs(30);
    store.lock(stack, &owner("ann"), patience, None, &|_| {}).await.unwrap()
}

/// A plan that is valid for a quarter of an hour.
pub(crate) fn plan(id: &str, stack: &StackId, made_at: i64) -> SavedPlan {
    SavedPlan {
        id: PlanId::new(id),
        stack: stack.clone(),
        author: author("ann"),
        made_at,
        expires_at: made_at + 900_000,
        request: r#"{"only": ["web"]}"#.to_owned(),
        assumed: r#"{"stack revision": "3"}"#.to_owned(),
        shown: r#"{"steps": []}"#.to_owned(),
        applied_by: None,
    }
}

/// An apply that has just started.
pub(crate) fn apply(id: &str, stack: &StackId) -> Apply {
    Apply {
        id: ApplyId::new(id),
        stack: stack.clone(),
        engine: EngineId::new("engine-1"),
        plan: None,
        author: author("ann"),
        command: "devarch apply shop".to_owned(),
        started_at: 1_700_000_000_000,
        committed_at: None,
        ended_at: None,
        outcome: ApplyOutcome::Running,
        resumes: None,
        before: r#"{"containers": []}"#.to_owned(),
        shown: r#"{"steps": ["create"]}"#.to_owned(),
        definition: stored(r#"{"environment": {"PASSWORD": "[REDACTED]"}}"#, DEFINED),
        error: None,
    }
}
