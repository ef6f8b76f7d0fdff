//! The values of an export, as seen by a consumer in a given place.

use super::{
    Carried, Contract, External, Login, Offer, Property, WireInstance,
    fault::ExportFault,
    pattern::{specifiable, specifiable_property},
    reference::{Found, Unresolved, expand},
    url::url,
};
use crate::{name::nearest, text::Text};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The values of an export.
pub type Values = BTreeMap<Property, Text>;

/// The consumer's point of view. Only host, port and URL depend on it; values from the environment are the container's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewpoint {
    /// A container on the stack's network: the provider's container name and container port.
    Container,
    /// A process on the host: the address and the port the provider is published on.
    Host,
}

/// Where a provider answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// Where a port of an instance answers; `None` for the host where the port is not published.
pub fn address(instance: &WireInstance, port: u16, from: Viewpoint) -> Option<Address> {
    match from {
        Viewpoint::Container => Some(Address { host: instance.container.to_string(), port }),
        Viewpoint::Host => {
            let binding = instance.published.get(&port)?;
            let host = match binding.host_ip {
                IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
                ip => ip,
            };
            Some(Address { host: host.to_string(), port: binding.host_port })
        }
    }
}

/// The only place in wiring that creates secrets.
pub(super) fn text_of(text: String, secret: bool) -> Text {
    if secret { Text::secret(text) } else { Text::plain(text) }
}

/// The same text as a secret.
pub(super) fn as_secret(text: Text) -> Text {
    if text.is_secret() { text } else { text_of(text.reveal().to_owned(), true) }
}

/// The values of an export at that address; `find` looks up the provider's effective environment. Without faults in the
/// error, a required value is not known yet, which is reported elsewhere.
pub(super) fn values<'e>(
    offer: &Offer,
    address: &Address,
    find: impl Fn(&str) -> Found<'e>,
) -> Result<Values, Vec<ExportFault>> {
    let contract = Contract::builtin(offer.contract);
    let mut values = Values::from([
        (Property::Host, Text::plain(address.host.clone())),
        (Property::Port, Text::plain(address.port.to_string())),
    ]);
    let (mut faults, mut pending) = (Vec::new(), false);
    for (name, text) in &offer.properties {
        let Some(property) = specifiable_property(contract, name) else {
            faults.push(no_property(contract, name));
            continue;
        };
        match expand(text, &find) {
            Ok(value) => {
                faults.extend(bad_scheme(contract, name, property, &value));
                if values.insert(property, value).is_some() {
                    faults.push(twice(contract, name, property));
                }
            }
            Err(Unresolved::Pending) => pending = true,
            Err(Unresolved::Unclosed) => faults.push(ExportFault::Unclosed { name: name.clone() }),
            Err(Unresolved::Missing(variable)) => {
                faults.push(ExportFault::NoVariable { name: name.clone(), variable });
            }
        }
    }
    if pending || !faults.is_empty() {
        return Err(faults);
    }
    let url = url(contract, &values);
    values.insert(Property::Url, url);
    Ok(values)
}

fn no_property(contract: &Contract, name: &str) -> ExportFault {
    let (name, type_) = (name.to_owned(), contract.contract);
    if contract.property(&name).is_some() {
        return ExportFault::Given { name };
    }
    let known = specifiable(contract);
    let near = nearest(&name, known.iter().copied());
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "it has none".to_owned(),
        None => format!("it has {}", known.join(", ")),
    };
    ExportFault::NoProperty { name, contract: type_, hint }
}

/// A property under both of its names.
fn twice(contract: &Contract, name: &str, property: Property) -> ExportFault {
    let alias = contract.property(name).and_then(|carried| carried.alias).filter(|alias| *alias != name);
    ExportFault::Twice { name: name.to_owned(), other: alias.unwrap_or(property.as_str()) }
}

fn bad_scheme(contract: &Contract, name: &str, property: Property, value: &Text) -> Option<ExportFault> {
    let known = contract.url.schemes;
    let wrong = property == Property::Scheme && !known.contains(&value.reveal());
    wrong.then(|| ExportFault::Scheme {
        name: name.to_owned(),
        given: value.shown().to_owned(),
        known: known.join(", "),
    })
}

/// The same values for a consumer with its own login: the type's login properties are replaced.
pub(super) fn of_login(contract: &Contract, mut values: Values, login: &Login) -> Values {
    let named = [Property::User, Property::Database, Property::Vhost, Property::AuthSource];
    for property in named.into_iter().filter(|property| contract.has(*property)) {
        values.insert(property, Text::plain(login.name.clone()));
    }
    if contract.has(Property::Bucket) {
        values.insert(Property::Bucket, Text::plain(login.bucket()));
    }
    values.insert(Property::Password, login.password.clone());
    let url = url(contract, &values);
    values.insert(Property::Url, url);
    values
}

/// The required properties that an export does not specify.
pub(super) fn lacking(offer: &Offer) -> Vec<&'static str> {
    let contract = Contract::builtin(offer.contract);
    let is_specified = |carried: &&Carried| {
        offer.properties.keys().any(|name| specifiable_property(contract, name) == Some(carried.property))
    };
    contract.required().filter(|carried| !is_specified(carried)).map(Carried::name).collect()
}

impl External {
    /// Its export like that of an instance; named like its type.
    pub(super) fn offer(&self) -> Offer {
        Offer {
            name: self.contract.to_string(),
            contract: self.contract,
            port: self.port,
            properties: self.properties.clone(),
            provisions: false,
        }
    }

    /// Where it answers, from everywhere.
    pub(super) fn address(&self) -> Address {
        Address { host: self.host.clone(), port: self.port }
    }
}
