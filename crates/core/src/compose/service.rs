//! A container as a Compose service.

use super::{
    Interpolated,
    build::{NETWORK, Present, linked_stack},
    config_file::value,
    image::pull_policy,
    model::{self, DependsOn, Deploy, Mount, NetworkUse, Port, Service},
    secrets::{Holder, Secrets},
};
use crate::{
    desired::DesiredInstance,
    name::InstanceName,
    readiness::Readiness,
    spec::{ContainerSpec, MountFrom},
    template::{DependencyCondition, HealthTest, Healthcheck, RestartPolicy, TmpfsMount},
    text::Text,
};
use std::{collections::BTreeMap, fmt::Write as _};

/// A container as a service, but for its mounts and config files.
pub(super) fn service(
    name: &InstanceName,
    instance: &DesiredInstance,
    present: &Present<'_>,
    secrets: &Secrets,
) -> Service {
    let spec = &instance.spec;
    Service {
        container_name: Interpolated::literal(instance.container.as_str()),
        image: Interpolated::literal(&spec.image),
        pull_policy: pull_policy(instance.supply),
        platform: one(spec.platform.as_ref()),
        command: spec
            .command
            .as_deref()
            .map(|all| words(all, secrets, |at| Holder::Command(name.clone(), at))),
        entrypoint: spec
            .entrypoint
            .as_deref()
            .map(|all| words(all, secrets, |at| Holder::Entrypoint(name.clone(), at))),
        user: one(spec.user.as_ref()),
        working_dir: one(spec.working_dir.as_ref()),
        hostname: Interpolated::literal(&spec.hostname),
        restart: restart(spec.restart),
        init: spec.init,
        tty: spec.tty,
        stdin_open: spec.stdin_open,
        read_only: spec.read_only,
        privileged: spec.privileged,
        pid: one(spec.pid.as_ref()),
        ipc: one(spec.ipc.as_ref()),
        stop_signal: one(spec.stop_signal.as_ref()),
        stop_grace_period: spec.stop_grace_period,
        shm_size: spec.shm_size,
        environment: environment(name, spec, secrets),
        labels: pairs(&spec.labels),
        ports: ports(spec),
        tmpfs: spec.tmpfs.iter().map(tmpfs).collect(),
        healthcheck: spec.healthcheck.as_ref().map(healthcheck),
        depends_on: depends_on(instance, present),
        extra_hosts: extra_hosts(spec),
        dns: all(&spec.dns),
        cap_add: all(&spec.cap_add),
        cap_drop: all(&spec.cap_drop),
        devices: all(&spec.devices),
        security_opt: all(&spec.security_opt),
        group_add: all(&spec.group_add),
        sysctls: pairs(&spec.sysctls),
        ulimits: spec.ulimits.clone(),
        deploy: Deploy { resources: spec.resources.clone() },
        network_mode: one(spec.network_mode.as_ref()),
        networks: networks(instance),
        ..Service::default()
    }
}

fn one(text: Option<&String>) -> Option<Interpolated> {
    text.map(Interpolated::literal)
}

fn all(texts: &[String]) -> Vec<Interpolated> {
    texts.iter().map(Interpolated::literal).collect()
}

fn words(texts: &[Text], secrets: &Secrets, holder: impl Fn(usize) -> Holder) -> Vec<Interpolated> {
    texts.iter().enumerate().map(|(at, text)| value(text, &holder(at), secrets)).collect()
}

fn pairs(texts: &BTreeMap<String, String>) -> BTreeMap<String, Interpolated> {
    texts.iter().map(|(name, text)| (name.clone(), Interpolated::literal(text))).collect()
}

/// `no` is what Compose does unasked.
fn restart(policy: RestartPolicy) -> Option<String> {
    match policy {
        RestartPolicy::No => None,
        RestartPolicy::OnFailure(0) => Some("on-failure".to_owned()),
        RestartPolicy::OnFailure(times) => Some(format!("on-failure:{times}")),
        RestartPolicy::UnlessStopped => Some("unless-stopped".to_owned()),
    }
}

fn environment(
    name: &InstanceName,
    spec: &ContainerSpec,
    secrets: &Secrets,
) -> BTreeMap<String, Interpolated> {
    let shown = spec.environment.iter().map(|(variable, text)| {
        let holder = Holder::Variable(name.clone(), variable.clone());
        (variable.clone(), value(text, &holder, secrets))
    });
    shown.collect()
}

fn ports(spec: &ContainerSpec) -> Vec<Port> {
    let port = |port: &crate::spec::PublishedPort| Port {
        target: port.key.target,
        published: port.host_port.to_string(),
        host_ip: port.host_ip,
        protocol: port.key.protocol.as_str(),
    };
    spec.ports.iter().map(port).collect()
}

/// What a container mounts, in the long form: it has no separator a path could contain.
pub(super) fn mounts(spec: &ContainerSpec) -> impl Iterator<Item = Mount> {
    spec.mounts.iter().map(|mount| {
        let (kind, source) = match &mount.source {
            MountFrom::Volume(volume) => ("volume", volume.as_str()),
            MountFrom::Bind(path) => ("bind", path.as_str()),
        };
        Mount {
            kind,
            source: Interpolated::literal(source),
            target: Interpolated::literal(&mount.target),
            read_only: mount.read_only,
        }
    })
}

/// `/run:size=67108864,mode=1777`: the options go to the kernel, which knows no `m` and `b` as Compose does.
fn tmpfs(mount: &TmpfsMount) -> Interpolated {
    let mut text = mount.target.clone();
    let mut separator = ':';
    if let Some(size) = mount.size {
        let _ = write!(text, "{separator}size={}", size.0);
        separator = ',';
    }
    if let Some(mode) = mount.mode {
        let _ = write!(text, "{separator}mode={mode}");
    }
    Interpolated::literal(text)
}

fn healthcheck(check: &Healthcheck) -> model::Healthcheck {
    if check.test == HealthTest::None {
        return model::Healthcheck { disable: true, ..model::Healthcheck::default() };
    }
    model::Healthcheck {
        disable: false,
        test: all(&check.test.to_argv()),
        interval: check.interval,
        timeout: check.timeout,
        retries: check.retries,
        start_period: check.start_period,
        start_interval: check.start_interval,
    }
}

/// Providers that are not to be there are left out: Compose refuses a name it does not know.
fn depends_on(instance: &DesiredInstance, present: &Present<'_>) -> BTreeMap<InstanceName, DependsOn> {
    let entries = instance.depends_on.iter().filter_map(|(name, dependency)| {
        let provider = present.get(name)?;
        let entry = DependsOn {
            condition: condition(dependency.condition, &provider.readiness),
            restart: dependency.restart,
            required: dependency.required,
        };
        Some((name.clone(), entry))
    });
    entries.collect()
}

/// Compose has no `ready`: it is the condition that means the same for that provider.
fn condition(condition: DependencyCondition, provider: &Readiness) -> &'static str {
    match (condition, provider) {
        (DependencyCondition::ServiceHealthy, _) | (DependencyCondition::Ready, Readiness::Healthy(_)) => {
            "service_healthy"
        }
        (DependencyCondition::ServiceCompletedSuccessfully, _)
        | (DependencyCondition::Ready, Readiness::Completed) => "service_completed_successfully",
        (DependencyCondition::ServiceStarted, _) | (DependencyCondition::Ready, Readiness::Running) => {
            "service_started"
        }
    }
}

/// A list: podman-compose hands a mapping on as `HOST=ADDRESS`, which Podman 4 does not read.
fn extra_hosts(spec: &ContainerSpec) -> Vec<Interpolated> {
    let hosts = spec.extra_hosts.iter();
    hosts.map(|(host, address)| Interpolated::literal(format!("{host}:{address}"))).collect()
}

fn networks(instance: &DesiredInstance) -> BTreeMap<String, NetworkUse> {
    let own = instance.spec.network.as_ref().map(|attachment| {
        let (address, aliases) = (Some(attachment.address), all(&attachment.aliases));
        (NETWORK.to_owned(), NetworkUse { ipv4_address: address, aliases })
    });
    let links = instance.links.iter().filter_map(linked_stack);
    let links =
        links.map(|stack| (stack.to_string(), NetworkUse { ipv4_address: None, aliases: Vec::new() }));
    links.chain(own).collect()
}
