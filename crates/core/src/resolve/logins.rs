//! Logins of consumers' own: how they are named and kept, and what makes and removes them on their providers.

use super::{Effective, LinkedInstances, PreviousWiring, WiredStack};
use crate::{
    name::InstanceName,
    secret::KeptSecret,
    template::Provision,
    text::Text,
    wire::{Contract, Endpoint, Login, Property, ProviderName, Resolution, Wire, WireStack},
};
use std::collections::BTreeMap;

/// What the key of a kept secret begins with that is a login's password; no variable has a blank in its name.
const LOGIN: &str = "own ";

/// How long a login's name may be: `MySQL`'s users have 32 characters, of which a number and a tag may take twelve.
const LOGIN_LENGTH: usize = 20;

/// The key under which the password of an import's own login is kept; it has the login's name too, which so survives
/// that of the instance. A renamed instance keeps its login's, so another may have the name already.
pub fn login_key(instance: &InstanceName, import: &str, taken: impl Fn(&str) -> bool) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let import_name: String = import.chars().map(plain).collect();
    let name: String = format!("{instance}_{import_name}").chars().take(LOGIN_LENGTH).collect();
    let others = (2..u32::MAX).map(|number| format!("{name}_{number}"));
    let free = std::iter::once(name.clone()).chain(others).find(|name| !taken(name)).unwrap_or(name);
    format!("{LOGIN}{import} {free}")
}

/// The import whose own login a kept secret is for, and the login's name.
pub fn login_of(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix(LOGIN)?.rsplit_once(' ')
}

/// The logins among what is kept of an instance, by import.
pub(super) fn kept(generated: &BTreeMap<String, KeptSecret>) -> BTreeMap<String, Login> {
    let login = |(key, kept): (&String, &KeptSecret)| {
        let (import, name) = login_of(key)?;
        // What can't be read is told where the wire's variables are used.
        let password =
            kept.value.open().map_or_else(|_| Text::secret(""), |secret| Text::Secret(secret.clone()));
        Some((import.to_owned(), Login { name: name.to_owned(), password }))
    };
    generated.iter().filter_map(login).collect()
}

/// A command that is run on a provider for a login of a consumer's own.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Provisioning {
    /// In whose container.
    pub provider: ProviderName,
    /// The name of user and database.
    pub name: String,
    /// What is run.
    pub command: Vec<String>,
    /// With these variables added.
    pub environment: BTreeMap<String, Text>,
}

/// A login an instance has for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnLogin {
    /// The name of user and database.
    pub name: String,
    /// The import it is for.
    pub import: String,
    /// Where it is: what runs is wired to that, or would be; `None` where that leads nowhere.
    pub at: Option<Endpoint>,
    /// What removes it, where the export says it.
    pub removal: Option<Provisioning>,
}

/// What exports say of logins, in the stack and in others that it names.
struct Exports<'a> {
    effective: &'a BTreeMap<InstanceName, Effective>,
    others: &'a LinkedInstances,
}

impl Exports<'_> {
    fn provision(&self, at: &Endpoint) -> Option<(&'static Contract, &Provision)> {
        match &at.provider {
            ProviderName::Instance(provider) => {
                let exports = &self.effective.get(provider)?.exports;
                let export = exports.iter().find(|export| export.name == at.export)?;
                Some((Contract::builtin(export.contract), export.provision.as_ref()?))
            }
            ProviderName::Other { stack, instance } => {
                let other = self.others.get(&(stack.clone(), instance.clone()))?;
                let offer = other.wire.offers.iter().find(|offer| offer.name == at.export)?;
                Some((Contract::builtin(offer.contract), other.provisions.get(&at.export)?))
            }
            ProviderName::External(_) => None,
        }
    }
}

/// The names of what is made for a login, as the commands that make and remove it know them.
fn names(login: &Login, contract: &Contract) -> BTreeMap<String, Text> {
    let mut names = BTreeMap::from([("PROVISION_NAME".to_owned(), Text::plain(login.name.clone()))]);
    if contract.has(Property::Bucket) {
        names.insert("PROVISION_BUCKET".to_owned(), Text::plain(login.bucket()));
    }
    names
}

/// What has to be done on providers before consumers with logins of their own start.
pub(super) fn provisions(
    input: &WireStack,
    effective: &BTreeMap<InstanceName, Effective>,
    resolution: &Resolution,
    others: &LinkedInstances,
) -> Vec<(InstanceName, Provisioning)> {
    let exports = Exports { effective, others };
    let one = |link: &Wire| {
        let consumer = input.instances.get(&link.consumer)?;
        let import = consumer.imports.iter().find(|import| import.name == link.import)?;
        let login = input.own_login(consumer, import, &link.to.provider)?;
        let (contract, provision) = exports.provision(&link.to)?;
        let mut environment = names(&login, contract);
        environment.insert("PROVISION_PASSWORD".to_owned(), login.password.clone());
        let (provider, command) = (link.to.provider.clone(), provision.command.clone());
        let provisioning = Provisioning { provider, name: login.name.clone(), command, environment };
        Some((link.consumer.clone(), provisioning))
    };
    resolution.links.iter().filter_map(one).collect()
}

impl WiredStack {
    /// The logins an instance has for itself.
    pub fn own_logins(
        &self,
        name: &InstanceName,
        prior: &PreviousWiring,
        others: &LinkedInstances,
    ) -> Vec<OwnLogin> {
        let Some(consumer) = self.input.instances.get(name) else { return Vec::new() };
        let exports = Exports { effective: &self.effective, others };
        let one = |(import, login): (&String, &Login)| {
            let runs = prior.get(name).and_then(|wires| wires.get(import));
            let wired = || self.resolution.links_of(name).find(|link| link.import == *import);
            let at = runs.or_else(|| wired().map(|link| &link.to)).cloned();
            let login =
                at.as_ref().map_or_else(|| login.clone(), |at| self.input.login_at(login, &at.provider));
            let removal = at.as_ref().and_then(|at| {
                let (contract, provision) = exports.provision(at)?;
                let (provider, command) = (at.provider.clone(), provision.remove.clone()?);
                let environment = names(&login, contract);
                Some(Provisioning { provider, name: login.name.clone(), command, environment })
            });
            OwnLogin { name: login.name.clone(), import: import.clone(), at, removal }
        };
        consumer.logins.iter().map(one).collect()
    }
}
