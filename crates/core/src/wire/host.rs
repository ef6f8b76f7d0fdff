//! The environment with which a process on the host can act as an instance.

use super::{
    Contract, Endpoint, ProviderName, Resolution, Values, Viewpoint, WireInstance, WireStack, Wired, address,
    evaluate::Known,
    fault::ImportFault,
    pattern::mapping,
    reference::Found,
    values::{as_secret, of_login, values},
};
use crate::diagnostic::Finding;
use crate::{name::InstanceName, template::Import, text::Text};
use std::collections::BTreeMap;

/// The effective environment of an instance: template, then wires, then overrides; the last wins.
pub fn environment(
    instance: &WireInstance,
    wired: Option<&BTreeMap<String, Wired>>,
) -> BTreeMap<String, Text> {
    let mut environment = instance.environment.clone();
    for (name, wired) in wired.into_iter().flatten() {
        if !instance.overridden.contains(name) {
            environment.insert(name.clone(), wired.value.clone());
        }
    }
    environment
}

/// The variables of an instance's wires for a process on the host: the published address and port of each provider. A
/// provider without a published port is an error. Contains only what could be resolved.
pub fn host_variables(
    stack: &WireStack,
    resolution: &Resolution,
    consumer: &InstanceName,
) -> Result<BTreeMap<String, Wired>, Vec<Finding>> {
    let Some(instance) = stack.instances.get(consumer) else { return Ok(BTreeMap::new()) };
    let (mut variables, mut faults) = (BTreeMap::new(), Vec::new());
    for link in resolution.links_of(consumer) {
        let Some(import) = instance.imports.iter().find(|import| import.name == link.import) else {
            continue;
        };
        match seen(stack, resolution, &link.to) {
            Seen::Values(values) => {
                let values = match stack.own_login(instance, import, &link.to.provider) {
                    Some(login) => of_login(Contract::builtin(import.contract), values, &login),
                    None => values,
                };
                variables.extend(filled(instance, import, &values));
            }
            Seen::Unknown => {}
            Seen::Unpublished(port) => {
                let fault = ImportFault::Unpublished { provider: link.to.clone(), port };
                faults.push(fault.of(consumer, &link.import));
            }
        }
    }
    if faults.is_empty() { Ok(variables) } else { Err(faults) }
}

/// An export as the host sees it.
enum Seen {
    Values(Values),
    /// It cannot be computed, which has been reported.
    Unknown,
    /// It is on a port that is not published.
    Unpublished(u16),
}

impl Seen {
    fn of(values: Option<Values>) -> Self {
        values.map_or(Self::Unknown, Self::Values)
    }
}

fn seen(stack: &WireStack, resolution: &Resolution, to: &Endpoint) -> Seen {
    let nothing = BTreeMap::new();
    let (instance, wired) = match &to.provider {
        ProviderName::External(name) => {
            let external = stack.external.get(name);
            return Seen::of(
                external.and_then(|it| values(&it.offer(), &it.address(), |_| Found::Nothing).ok()),
            );
        }
        ProviderName::Instance(name) => {
            (stack.instances.get(name), resolution.variables.get(name).unwrap_or(&nothing))
        }
        ProviderName::Other { stack: other, instance } => {
            (stack.others.get(&(other.clone(), instance.clone())), &nothing)
        }
    };
    let offer =
        |instance: &WireInstance| instance.offers.iter().find(|offer| offer.name == to.export).cloned();
    let Some((instance, offer)) = instance.and_then(|instance| Some((instance, offer(instance)?))) else {
        return Seen::Unknown;
    };
    let Some(address) = address(instance, offer.port, Viewpoint::Host) else {
        return Seen::Unpublished(offer.port);
    };
    let known = Known::of(wired.clone());
    Seen::of(values(&offer, &address, |name| known.find(instance, name)).ok())
}

fn filled<'v>(
    instance: &'v WireInstance,
    import: &'v Import,
    values: &'v Values,
) -> impl Iterator<Item = (String, Wired)> + 'v {
    let (mapped, _) = mapping(import);
    mapped.into_iter().filter(|one| !instance.overridden.contains(&one.variable)).filter_map(|one| {
        let value = one.pattern.fill(values).ok()?;
        let secret = instance.environment.get(&one.variable).is_some_and(Text::is_secret);
        let value = if secret { as_secret(value) } else { value };
        Some((one.variable, Wired { value, import: import.name.clone() }))
    })
}
