//! A stack in which every field is set.

use devarch_core::{
    build::BuildSpec,
    desired::{Desired, DesiredInstance},
    id::{InstanceId, StackId, StoreId},
    name::{ContainerName, InstanceName, NetworkName, PhysicalVolume, StackName},
    port::{PortKey, Protocol},
    readiness::Readiness,
    resolve::Supply,
    spec::{
        Attachment, ContainerSpec, FileSpec, Identity, Mount, MountFrom, NetworkSpec, PublishedPort,
        VolumeSpec,
    },
    stack::DesiredRun,
    template::{
        Dependency, DependencyCondition, Dockerfile, HealthTest, Healthcheck, Limits, Reservations,
        Resources, RestartPolicy, TmpfsMount, Ulimit,
    },
    text::Text,
    unit::{Bytes, Cpus, FileMode, Millis, Owner},
};
use std::collections::BTreeMap;

pub(crate) fn name(name: &str) -> InstanceName {
    name.parse().unwrap()
}

pub(crate) fn pairs<T: From<String>>(pairs: &[(&str, &str)]) -> BTreeMap<String, T> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned().into())).collect()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Returns a container with only an image and a host name.
pub(crate) fn bare(image: &str, hostname: &str) -> ContainerSpec {
    ContainerSpec { network: Some(attachment(hostname, 2)), ..ContainerSpec::new(image, hostname) }
}

pub(crate) fn attachment(alias: &str, last: u8) -> Attachment {
    Attachment {
        name: NetworkName::for_stack(&"shop".parse().unwrap()),
        address: [10, 213, 0, last].into(),
        aliases: vec![alias.to_owned()],
    }
}

/// Returns an instance of that container whose desired state is running, without dependencies.
pub(crate) fn instance(instance: &InstanceName, spec: ContainerSpec) -> DesiredInstance {
    let stack: StackName = "shop".parse().unwrap();
    let volumes = spec.mounts.iter().filter_map(|mount| match &mount.source {
        MountFrom::Volume(name) => Some(VolumeSpec { name: name.clone() }),
        MountFrom::Bind(_) => None,
    });
    let readiness = match &spec.healthcheck {
        _ if spec.job => Readiness::Completed,
        Some(check) if check.test != HealthTest::None => Readiness::Healthy(check.clone()),
        _ => Readiness::Running,
    };
    DesiredInstance {
        wires: Vec::new(),
        links: Vec::new(),
        provisions: Vec::new(),
        id: InstanceId::new(instance.as_str()),
        container: ContainerName::for_instance(&stack, instance).unwrap(),
        wanted: DesiredRun::Running,
        hash: Ok(String::new()),
        supply: Supply::Missing,
        image_id: None,
        volumes: volumes.collect(),
        depends_on: BTreeMap::new(),
        readiness,
        outside: Vec::new(),
        template: "sha256:0".to_owned(),
        spec,
    }
}

pub(crate) fn stack(instances: impl IntoIterator<Item = (InstanceName, DesiredInstance)>) -> Desired {
    Desired {
        identity: Identity {
            store: StoreId::new("store"),
            stack: StackId::new("stack"),
            stack_name: "shop".parse().unwrap(),
            instance: None,
        },
        network: NetworkSpec::of_stack(
            NetworkName::for_stack(&"shop".parse().unwrap()),
            "10.213.0.0/26".parse().unwrap(),
        ),
        instances: instances.into_iter().collect(),
        builds: BTreeMap::new(),
        tags: BTreeMap::new(),
        warnings: Vec::new(),
        notes: Vec::new(),
        unwired: Vec::new(),
    }
}

pub(crate) fn file(content: Text) -> FileSpec {
    FileSpec {
        mode: FileMode(if content.is_secret() { 0o600 } else { 0o644 }),
        owner: Owner { uid: 101, gid: 102 },
        content: content.into(),
    }
}

fn depends(condition: DependencyCondition, restart: bool, required: bool) -> Dependency {
    Dependency { condition, restart, required }
}

/// Returns a stack in which `web` sets every field; `db` is healthy, `init` a job, `host` outside the network, `off`
/// disabled.
pub(crate) fn every_field() -> Desired {
    let mut web = instance(&name("web"), web());
    web.depends_on = BTreeMap::from([
        (name("db"), depends(DependencyCondition::Ready, true, true)),
        (name("init"), depends(DependencyCondition::Ready, false, true)),
        (name("host"), depends(DependencyCondition::Ready, false, false)),
        (name("off"), depends(DependencyCondition::Ready, false, false)),
    ]);
    let mut init = bare("busybox", "init");
    init.job = true;
    let mut host = bare("busybox", "host");
    host.network_mode = Some("host".to_owned());
    host.network = None;
    host.pid = Some("host".to_owned());
    host.ipc = Some("host".to_owned());
    host.privileged = true;
    host.restart = RestartPolicy::OnFailure(3);
    host.healthcheck = Some(check(HealthTest::None));
    let mut off = instance(&name("off"), bare("busybox", "off"));
    off.wanted = DesiredRun::Absent;
    let mut db = instance(&name("db"), db());
    db.supply = Supply::Always;
    let mut stack = stack([
        (name("web"), web),
        (name("db"), db),
        (name("init"), instance(&name("init"), init)),
        (name("host"), instance(&name("host"), host)),
        (name("off"), off),
    ]);
    stack.builds = BTreeMap::from([("ghcr.io/acme/web:1.10".to_owned(), build())]);
    stack
}

fn build() -> BuildSpec {
    BuildSpec {
        context: "/home/me/$web".to_owned(),
        dockerfile: Dockerfile::Inline("FROM busybox\nARG TOKEN\n".to_owned()),
        args: BTreeMap::from([
            ("MODE".to_owned(), Text::Plain("dev".to_owned())),
            ("TOKEN".to_owned(), Text::secret("b0ild")),
        ]),
        target: Some("app".to_owned()),
        platform: Some("linux/amd64".to_owned()),
        pull: false,
        hash: None,
    }
}

fn check(test: HealthTest) -> Healthcheck {
    Healthcheck {
        test,
        interval: Some(Millis(5000)),
        timeout: Some(Millis(1500)),
        retries: Some(5),
        start_period: Some(Millis(60_000)),
        start_interval: Some(Millis(500)),
    }
}

fn db() -> ContainerSpec {
    let mut db = bare("postgres:17", "db");
    let secret = Text::secret("hunter2");
    db.environment = BTreeMap::from([("PASSWORD".to_owned(), secret)]);
    db.healthcheck = Some(check(HealthTest::Cmd(texts(&["pg_isready", "-h", "127.0.0.1"]))));
    db
}

fn web() -> ContainerSpec {
    let key = |target, protocol| PortKey { target, protocol };
    let volume = PhysicalVolume::from_stored("devarch-shop-web-data");
    let mut web = bare("ghcr.io/acme/web:1.10", "www");
    web.platform = Some("linux/amd64".to_owned());
    web.command = Some(["sh", "-c", "echo $HOME; exec web --on yes", ""].map(Text::plain).to_vec());
    web.entrypoint = Some(Vec::new());
    web.user = Some("1000:1000".to_owned());
    web.working_dir = Some("/srv".to_owned());
    web.restart = RestartPolicy::UnlessStopped;
    web.init = true;
    web.tty = true;
    web.stdin_open = true;
    web.read_only = true;
    web.stop_signal = Some("SIGQUIT".to_owned());
    web.stop_grace_period = Some(Millis(90_000));
    web.shm_size = Some(Bytes(64 << 20));
    web.environment = pairs(&[("YES", "yes"), ("PRICE", "5$"), ("EMPTY", ""), ("N", "1.10")])
        .into_iter()
        .map(|(key, value): (String, String)| (key, Text::Plain(value)))
        .chain([("API_KEY".to_owned(), Text::secret("k")), ("PASSWORD".to_owned(), Text::secret("hunter3"))])
        .collect();
    web.labels = pairs(&[("traefik.rule", "Host(`$x`)")]);
    web.ports = vec![
        PublishedPort { key: key(80, Protocol::Tcp), host_ip: [127, 0, 0, 1].into(), host_port: 8080 },
        PublishedPort { key: key(53, Protocol::Udp), host_ip: "::1".parse().unwrap(), host_port: 5353 },
    ];
    web.mounts = vec![
        Mount { target: "/data".to_owned(), source: MountFrom::Volume(volume), read_only: false },
        Mount {
            target: "/src".to_owned(),
            source: MountFrom::Bind("/home/me/$a:b".to_owned()),
            read_only: true,
        },
    ];
    limits(&mut web);
    files(&mut web);
    web
}

fn limits(web: &mut ContainerSpec) {
    web.tmpfs = vec![
        TmpfsMount { target: "/run".to_owned(), size: Some(Bytes(1 << 20)), mode: Some(FileMode(0o1777)) },
        TmpfsMount { target: "/tmp".to_owned(), size: None, mode: None },
    ];
    web.healthcheck = Some(check(HealthTest::Shell("curl -f http://127.0.0.1:$PORT/ || exit 1".to_owned())));
    web.extra_hosts = pairs(&[("host.docker.internal", "host-gateway"), ("six", "::1")]);
    web.dns = texts(&["9.9.9.9"]);
    web.cap_add = texts(&["NET_BIND_SERVICE"]);
    web.cap_drop = texts(&["ALL"]);
    web.devices = texts(&["/dev/fuse:/dev/fuse:rwm"]);
    web.security_opt = texts(&["no-new-privileges:true"]);
    web.group_add = texts(&["44"]);
    web.sysctls = pairs(&[("net.core.somaxconn", "1024")]);
    let limit = Ulimit { soft: 1024, hard: -1 };
    web.ulimits = BTreeMap::from([("nofile".to_owned(), limit)]);
    web.resources = Resources {
        limits: Limits { cpus: Some(Cpus(500)), memory: Some(Bytes(512 << 20)), pids: Some(100) },
        reservations: Reservations { memory: Some(Bytes(1 << 30)) },
    };
}

fn files(web: &mut ContainerSpec) {
    let conf = Text::Plain("root $document_root;\n\n".to_owned());
    let other = Text::Plain("no newline".to_owned());
    let token = Text::secret("t0ken");
    web.config_files = BTreeMap::from([
        ("/etc/web/web.conf".to_owned(), file(conf)),
        ("/opt/web.conf".to_owned(), file(other)),
        ("/run/secrets/token".to_owned(), file(token)),
    ]);
}
