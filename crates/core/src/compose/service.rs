//! Conversion of a container to a Compose service.

use super::{
    Interpolated,
    build::{NETWORK, Present, linked_stack},
    config_file::{ConfigFiles, value},
    exported::Exported,
    image,
    model::{DependsOn, Deploy, Mount, NetworkUse, Port, Service},
    secrets::{Holder, Secrets},
};
use crate::{
    build::BuildSpec,
    desired::DesiredInstance,
    name::InstanceName,
    readiness::Readiness,
    service_fields::service_fields,
    spec::{ContainerSpec, MountFrom},
    template::{DependencyCondition, Healthcheck, RestartPolicy, TmpfsMount, Ulimit},
    text::Text,
    unit::{Bytes, Millis},
};
use std::collections::BTreeMap;

/// The inputs of a service besides its container.
pub(super) struct ServiceContext<'a> {
    /// The instances that are in the file.
    pub(super) present: &'a Present<'a>,
    /// The stack's secrets, by the variables that hold them.
    pub(super) secrets: &'a Secrets,
    /// How the image is built, if it is.
    pub(super) build: Option<&'a BuildSpec>,
    /// The container's config files.
    pub(super) config: &'a ConfigFiles,
}

/// Creates a service from the fields copied from a container's spec and those given here.
macro_rules! service_of_spec {
    ([$spec:ident { $($given:tt)* }] $( $field:ident: $type:ty = $read:expr, $merge:ident,
        $(copied [$copied:ty],)? $(spec $own:tt,)? $(compose $shown:tt,)?
        $form:literal, $meaning:literal; )*) => {
        Service {
            $( $( $field: <$copied as Exported>::exported(&$spec.$field), )? )*
            $($given)*
        }
    };
}

/// Converts a container to a service.
pub(super) fn service(
    name: &InstanceName,
    instance: &DesiredInstance,
    context: &ServiceContext<'_>,
) -> Service {
    let (spec, secrets) = (&instance.spec, context.secrets);
    service_fields!(service_of_spec spec {
        container_name: Interpolated::literal(instance.container.as_str()),
        image: Interpolated::literal(&spec.image),
        build: context.build.map(|build| image::build(name, build, secrets)),
        pull_policy: image::pull_policy(instance.supply),
        command: words(spec.command.as_ref(), secrets, |at| Holder::Command(name.clone(), at)),
        entrypoint: words(spec.entrypoint.as_ref(), secrets, |at| Holder::Entrypoint(name.clone(), at)),
        hostname: Interpolated::literal(&spec.hostname),
        restart: restart(spec.restart),
        environment: environment(name, spec, secrets),
        ports: ports(spec),
        volumes: mounts(spec).chain(context.config.mounts.iter().cloned()).collect(),
        configs: context.config.uses.clone(),
        depends_on: depends_on(instance, context.present),
        extra_hosts: extra_hosts(spec),
        deploy: Deploy { resources: spec.resources.clone() },
        network_mode: spec.network_mode.exported(),
        networks: networks(instance),
    })
}

fn words(
    texts: Option<&Vec<Text>>,
    secrets: &Secrets,
    holder: impl Fn(usize) -> Holder,
) -> Option<Vec<Interpolated>> {
    let texts = texts?.iter().enumerate();
    Some(texts.map(|(at, text)| value(text, &holder(at), secrets)).collect())
}

/// Returns the restart policy, or `None` for Compose's default, `no`.
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

/// Returns a container's mounts in the long form: it has no separator that a path could contain.
fn mounts(spec: &ContainerSpec) -> impl Iterator<Item = Mount> {
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

/// Returns the dependencies, without providers that should not exist: Compose rejects unknown names.
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

/// Compose has no `ready`: it becomes the condition with the same meaning for that provider.
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

/// Returns a list, because podman-compose passes a mapping on as `HOST=ADDRESS`, which Podman 4 does not read.
fn extra_hosts(spec: &ContainerSpec) -> Vec<Interpolated> {
    let hosts = spec.extra_hosts.iter();
    hosts.map(|(host, address)| Interpolated::literal(format!("{host}:{address}"))).collect()
}

fn networks(instance: &DesiredInstance) -> BTreeMap<String, NetworkUse> {
    let own = instance.spec.network.as_ref().map(|attachment| {
        let (address, aliases) = (Some(attachment.address), attachment.aliases.exported());
        (NETWORK.to_owned(), NetworkUse { ipv4_address: address, aliases })
    });
    let links = instance.links.iter().filter_map(linked_stack);
    let links =
        links.map(|stack| (stack.to_string(), NetworkUse { ipv4_address: None, aliases: Vec::new() }));
    links.chain(own).collect()
}
