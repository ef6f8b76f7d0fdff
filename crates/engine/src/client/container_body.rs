//! Translates a [`ContainerSpec`] into the body of the create call. Pure: everything that has to be looked up is in
//! [`Resolved`].

use super::network;
use bollard::models::{
    ContainerCreateBody, DeviceMapping, HealthConfig, HostConfig, Mount, MountType, NetworkingConfig,
    PortBinding, PortMap, ResourcesUlimits, RestartPolicy as EngineRestart, RestartPolicyNameEnum,
};
use devarch_core::{
    spec::{ContainerSpec, CreateContainer, Mount as SpecMount, MountFrom, PublishedPort},
    template::{HealthTest, Healthcheck, RestartPolicy, TmpfsMount},
    text::Text,
    unit::{Cpus, Millis},
};
use std::collections::HashMap;

/// Facts about the engine that a create call depends on.
#[derive(Debug)]
pub(super) struct Resolved {
    /// The image under the name the create call understands.
    pub(super) image: String,
    /// The address that replaces `host-gateway`.
    pub(super) host_gateway: String,
    /// The kernel's parameters.
    pub(super) sysctls: HashMap<String, String>,
    /// Options of its resolver.
    pub(super) dns_options: Vec<String>,
}

/// The create call's body.
pub(super) fn body(request: &CreateContainer, resolved: Resolved) -> ContainerCreateBody {
    let spec = &request.spec;
    ContainerCreateBody {
        image: Some(resolved.image),
        hostname: Some(spec.hostname.clone()),
        user: spec.user.clone(),
        working_dir: spec.working_dir.clone(),
        cmd: spec.command.as_deref().map(argv),
        entrypoint: spec.entrypoint.as_deref().map(argv),
        env: Some(environment(spec)),
        labels: Some(request.labels.clone().into_iter().collect()),
        tty: Some(spec.tty),
        open_stdin: Some(spec.stdin_open),
        stop_signal: spec.stop_signal.clone(),
        // Always set: without it Podman 4.3 kills at once.
        stop_timeout: Some(spec.stop_grace_period.map_or(DEFAULT_GRACE, seconds)),
        healthcheck: spec.healthcheck.as_ref().map(healthcheck),
        // Without it Docker silently publishes nothing.
        exposed_ports: Some(spec.ports.iter().map(|port| port.key.to_string()).collect()),
        networking_config: spec.network.as_ref().map(|place| NetworkingConfig {
            endpoints_config: Some(HashMap::from([(
                place.name.to_string(),
                network::endpoint(place.address, &place.aliases),
            )])),
        }),
        host_config: Some(HostConfig {
            sysctls: Some(resolved.sysctls),
            dns_options: Some(resolved.dns_options),
            ..host_config(spec, &resolved.host_gateway)
        }),
        ..ContainerCreateBody::default()
    }
}

/// Seconds between the stop signal and the kill by default (Docker's default).
pub(super) const DEFAULT_GRACE: i64 = 10;

/// Whole seconds, rounded up: the engines support no fractions.
pub(super) fn seconds(millis: Millis) -> i64 {
    i64::try_from(millis.0.div_ceil(1000)).unwrap_or(i64::MAX)
}

fn environment(spec: &ContainerSpec) -> Vec<String> {
    spec.environment.iter().map(|(name, value)| format!("{name}={}", value.reveal())).collect()
}

fn argv(argv: &[Text]) -> Vec<String> {
    argv.iter().map(|word| word.reveal().to_owned()).collect()
}

fn host_config(spec: &ContainerSpec, host_gateway: &str) -> HostConfig {
    let limits = &spec.resources.limits;
    HostConfig {
        network_mode: spec
            .network_mode
            .clone()
            .or_else(|| spec.network.as_ref().map(|place| place.name.to_string())),
        port_bindings: Some(port_bindings(&spec.ports)),
        mounts: Some(spec.mounts.iter().map(mount).collect()),
        tmpfs: Some(spec.tmpfs.iter().map(tmpfs).collect()),
        restart_policy: Some(restart_policy(spec.restart)),
        init: Some(spec.init),
        readonly_rootfs: Some(spec.read_only),
        privileged: Some(spec.privileged),
        pid_mode: spec.pid.clone(),
        ipc_mode: spec.ipc.clone(),
        shm_size: spec.shm_size.map(|size| number(size.0)),
        memory: limits.memory.map(|size| number(size.0)),
        memory_reservation: spec.resources.reservations.memory.map(|size| number(size.0)),
        nano_cpus: limits.cpus.map(nano_cpus),
        pids_limit: limits.pids.map(i64::from),
        ulimits: Some(ulimits(spec)),
        extra_hosts: Some(extra_hosts(spec, host_gateway)),
        dns: Some(spec.dns.clone()),
        cap_add: Some(spec.cap_add.clone()),
        cap_drop: Some(spec.cap_drop.clone()),
        devices: Some(spec.devices.iter().map(|device| device_mapping(device)).collect()),
        security_opt: Some(spec.security_opt.clone()),
        group_add: Some(spec.group_add.clone()),
        ..HostConfig::default()
    }
}

fn number(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn nano_cpus(cpus: Cpus) -> i64 {
    i64::from(cpus.0) * 1_000_000
}

fn port_bindings(ports: &[PublishedPort]) -> PortMap {
    let mut bindings = PortMap::new();
    for port in ports {
        bindings.entry(port.key.to_string()).or_default().get_or_insert_default().push(PortBinding {
            host_ip: Some(port.host_ip.to_string()),
            host_port: Some(port.host_port.to_string()),
        });
    }
    bindings
}

fn mount(mount: &SpecMount) -> Mount {
    let (typ, source) = match &mount.source {
        MountFrom::Volume(name) => (MountType::VOLUME, name.to_string()),
        MountFrom::Bind(path) => (MountType::BIND, path.clone()),
    };
    Mount {
        target: Some(mount.target.clone()),
        source: Some(source),
        typ: Some(typ),
        read_only: Some(mount.read_only),
        ..Mount::default()
    }
}

/// Docker mounts tmpfs with `noexec` by default; Podman is given the option explicitly.
fn tmpfs(mount: &TmpfsMount) -> (String, String) {
    let size = mount.size.map(|size| format!("size={}", size.0));
    let mode = mount.mode.map(|mode| format!("mode={mode}"));
    let options: Vec<String> = ["noexec".to_owned()].into_iter().chain(size).chain(mode).collect();
    (mount.target.clone(), options.join(","))
}

fn restart_policy(policy: RestartPolicy) -> EngineRestart {
    let (name, count) = match policy {
        RestartPolicy::No => (RestartPolicyNameEnum::NO, None),
        RestartPolicy::OnFailure(times) => (RestartPolicyNameEnum::ON_FAILURE, Some(times.into())),
        RestartPolicy::UnlessStopped => (RestartPolicyNameEnum::UNLESS_STOPPED, None),
    };
    EngineRestart { name: Some(name), maximum_retry_count: count }
}

fn ulimits(spec: &ContainerSpec) -> Vec<ResourcesUlimits> {
    let limits = spec.ulimits.iter();
    limits
        .map(|(name, limit)| ResourcesUlimits {
            name: Some(name.clone()),
            soft: Some(limit.soft),
            hard: Some(limit.hard),
        })
        .collect()
}

/// Compose's name for the host as containers see it; Podman 4.3 would write it into `/etc/hosts` literally.
pub(super) const HOST_GATEWAY: &str = "host-gateway";

fn extra_hosts(spec: &ContainerSpec, host_gateway: &str) -> Vec<String> {
    let address = |address| if address == HOST_GATEWAY { host_gateway } else { unbracketed(address) };
    spec.extra_hosts.iter().map(|(name, to)| format!("{name}:{}", address(to))).collect()
}

/// An IPv6 address may be written in brackets (Compose); Docker refuses them and Podman writes them into `/etc/hosts`.
fn unbracketed(address: &str) -> &str {
    address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address)
}

/// `HOST[:CONTAINER[:PERMISSIONS]]`, as Compose writes devices.
fn device_mapping(device: &str) -> DeviceMapping {
    let mut parts = device.splitn(3, ':');
    let host = parts.next().unwrap_or_default();
    DeviceMapping {
        path_on_host: Some(host.to_owned()),
        path_in_container: Some(parts.next().unwrap_or(host).to_owned()),
        cgroup_permissions: Some(parts.next().unwrap_or("rwm").to_owned()),
    }
}

/// Durations in nanoseconds; unset ones get Docker's default on both engines.
fn healthcheck(check: &Healthcheck) -> HealthConfig {
    let test = Some(check.test.to_argv());
    if check.test == HealthTest::None {
        return HealthConfig { test, ..HealthConfig::default() };
    }
    let nanos = |millis: Millis| number(millis.0.saturating_mul(1_000_000));
    HealthConfig {
        test,
        interval: Some(nanos(check.interval.unwrap_or(Healthcheck::DEFAULT_INTERVAL))),
        timeout: Some(nanos(check.timeout.unwrap_or(Healthcheck::DEFAULT_TIMEOUT))),
        retries: Some(check.retries.unwrap_or(Healthcheck::DEFAULT_RETRIES).into()),
        start_period: check.start_period.map(nanos),
        start_interval: check.start_interval.map(nanos),
    }
}
