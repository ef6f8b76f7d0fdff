//! Consumers' own logins: their names and storage, and the commands that create and remove them on providers.

use super::{Effective, LinkedInstances, PreviousWiring, WiredStack};
use crate::{
    name::InstanceName,
    secret::KeptSecret,
    template::Provision,
    text::Text,
    wire::{Contract, Endpoint, Login, Property, ProviderName, Resolution, Wire, WireStack},
};
use std::collections::BTreeMap;

/// The key prefix of stored secrets that are login passwords; no variable name contains a blank.
const LOGIN: &str = "own ";

/// The longest login name: `MySQL` users have at most 32 characters, of which a number and a tag may take twelve.
const LOGIN_LENGTH: usize = 20;

/// Returns the key under which the password of an import's own login is stored. It contains the login's name, which
/// thus outlives the instance's name. A renamed instance keeps its login, so another instance's login may already
/// have the name.
pub fn login_key(instance: &InstanceName, import: &str, taken: impl Fn(&str) -> bool) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let import_name: String = import.chars().map(plain).collect();
    let name: String = format!("{instance}_{import_name}").chars().take(LOGIN_LENGTH).collect();
    let others = (2..u32::MAX).map(|number| format!("{name}_{number}"));
    let free = std::iter::once(name.clone()).chain(others).find(|name| !taken(name)).unwrap_or(name);
    format!("{LOGIN}{import} {free}")
}

/// Returns the import and the login's name if a stored secret belongs to a login.
pub fn login_of(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix(LOGIN)?.rsplit_once(' ')
}

/// Returns the logins among the stored secrets of an instance, by import.
pub(super) fn kept(generated: &BTreeMap<String, KeptSecret>) -> BTreeMap<String, Login> {
    let login = |(key, kept): (&String, &KeptSecret)| {
        let (import, name) = login_of(key)?;
        // Undecryptable values are reported where the wire's variables are used.
        let password =
            kept.value.open().map_or_else(|_| Text::secret(""), |secret| Text::Secret(secret.clone()));
        Some((import.to_owned(), Login { name: name.to_owned(), password }))
    };
    generated.iter().filter_map(login).collect()
}

/// A command to run on a provider for a consumer's own login.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Provisioning {
    /// The provider whose container runs the command.
    pub provider: ProviderName,
    /// The name of the user and database.
    pub name: String,
    /// The command.
    pub command: Vec<String>,
    /// Variables to add to its environment.
    pub environment: BTreeMap<String, Text>,
}

/// An instance's own login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnLogin {
    /// The name of the user and database.
    pub name: String,
    /// The import it is for.
    pub import: String,
    /// The endpoint that the running container is wired to, or else that the wire leads to; `None` if there is
    /// neither.
    pub at: Option<Endpoint>,
    /// The command that removes it, if the export specifies one.
    pub removal: Option<Provisioning>,
}

/// The exports' login commands, in the stack and in other stacks that it refers to.
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

/// Returns the names of a login's user and database as the variables that its commands use.
fn names(login: &Login, contract: &Contract) -> BTreeMap<String, Text> {
    let mut names = BTreeMap::from([("PROVISION_NAME".to_owned(), Text::plain(login.name.clone()))]);
    if contract.has(Property::Bucket) {
        names.insert("PROVISION_BUCKET".to_owned(), Text::plain(login.bucket()));
    }
    names
}

/// Returns the commands to run on providers before consumers with their own logins start.
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
    /// Returns an instance's own logins.
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
