use super::{
    ComposeFile,
    config_file::ConfigFiles,
    model::{Ipam, IpamPool, Network, Volume},
    secrets::Secrets,
    service::{ServiceContext, service},
};
use crate::{
    desired::{Desired, DesiredInstance, DesiredLink},
    name::{InstanceName, NetworkName, PhysicalVolume, StackName},
    stack::DesiredRun,
    wire::ProviderName,
};
use std::collections::BTreeMap;

/// The key of the stack's network: services without `networks` join it (Compose specification, "The default
/// network").
pub(super) const NETWORK: &str = "default";

/// Where a Compose export puts a stack's config files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConfigPlace {
    /// In the Compose file, as `configs` with their content (Compose specification, "configs").
    #[default]
    Inline,
    /// In a directory per instance beside it, mounted read-only: for tools that do not support `content`.
    Beside,
}

/// Builds the Compose file of a stack. Instances whose desired state is absent are left out.
pub fn compose_file(desired: &Desired, place: ConfigPlace) -> ComposeFile {
    let present = present(desired);
    let containers = present.iter().map(|(name, instance)| (*name, &instance.spec));
    let builds = present.iter().filter_map(|(name, i)| Some((*name, desired.builds.get(&i.spec.image)?)));
    let builds: BTreeMap<_, _> = builds.collect();
    let secrets = Secrets::of(containers, &builds, place == ConfigPlace::Inline);
    let mut file = ComposeFile {
        name: format!("devarch-{}", desired.identity.stack_name),
        services: BTreeMap::new(),
        networks: networks(desired, &present),
        volumes: volumes(&present),
        configs: BTreeMap::new(),
        files: Vec::new(),
        secrets: BTreeMap::new(),
    };
    for (name, instance) in &present {
        let config = ConfigFiles::of(name, &instance.spec, place, &secrets);
        let build = builds.get(*name).copied();
        let context = ServiceContext { present: &present, secrets: &secrets, build, config: &config };
        file.services.insert((*name).clone(), service(name, instance, &context));
        file.configs.extend(config.configs);
        file.files.extend(config.files);
    }
    file.secrets = secrets.into_values();
    file
}

/// The instances that should exist.
pub(super) type Present<'a> = BTreeMap<&'a InstanceName, &'a DesiredInstance>;

fn present(desired: &Desired) -> Present<'_> {
    desired.instances.iter().filter(|(_, instance)| instance.wanted != DesiredRun::Absent).collect()
}

/// Returns the stack's own network and those of the stacks it is linked to. The network DevArch creates for a link
/// does not exist without it, but a provider has the same name in its own stack's network.
fn networks(desired: &Desired, present: &Present<'_>) -> BTreeMap<String, Network> {
    let own = Network::Own {
        name: desired.network.name.clone(),
        driver: "bridge",
        ipam: Ipam { config: [IpamPool { subnet: desired.network.subnet }] },
    };
    let links = present.values().flat_map(|instance| &instance.links).filter_map(linked_stack);
    let external =
        |stack: &StackName| Network::External { name: NetworkName::for_stack(stack), external: true };
    let links = links.map(|stack| (stack.to_string(), external(stack)));
    links.chain([(NETWORK.to_owned(), own)]).collect()
}

/// Returns the stack a link leads to; `None` if it is called `default`, which Compose could not distinguish from the
/// stack's own network.
pub(super) fn linked_stack(link: &DesiredLink) -> Option<&StackName> {
    match &link.provider {
        ProviderName::Other { stack, .. } if stack.as_str() != NETWORK => Some(stack),
        _ => None,
    }
}

fn volumes(present: &Present<'_>) -> BTreeMap<PhysicalVolume, Volume> {
    let names = present.values().flat_map(|instance| &instance.volumes).map(|volume| volume.name.clone());
    names.map(|name| (name.clone(), Volume { name })).collect()
}
