//! The secrets of a definition: generated where it asks for one, and listed with their users.

use crate::{Context, OperationError, definition::secret_values::said, error::SecretError};
use devarch_core::{
    desired::effective,
    environment::Ids,
    id::SecretId,
    name::InstanceName,
    resolve::{external_secret_uses, inherit_secrecy, login_key, login_of, secret_uses},
    secret::{Charset, Generate, KeptSecret, Secret, SecretName, SecretValue, Undecryptable},
    stack::Stack,
    template::EnvValue,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

/// Parameters of a generated login password: only characters that never need escaping.
pub(crate) const LOGIN: Generate = Generate { length: 32, charset: Charset::Alphanumeric };

/// A use of a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SecretUse {
    /// The instance; `None` for the stack itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceName>,
    /// The field: `environment.API_KEY`.
    pub field: String,
}

impl std::fmt::Display for SecretUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.instance.iter().try_for_each(|instance| write!(f, "{instance}."))?;
        f.write_str(&self.field)
    }
}

/// Creates the id of a new secret.
pub(crate) fn new_id(ids: &dyn Ids) -> SecretId {
    SecretId::new(ids.fresh())
}

/// Marks values that override a template's secret as secret, in the definition and in the recorded devarch.yml.
pub(crate) fn seal(stack: &mut Stack) {
    for (name, instance) in &mut stack.instances {
        let template = &instance.template.template;
        inherit_secrecy(template, &mut instance.overrides);
        let imported = stack.imported.as_mut().and_then(|file| file.instances.get_mut(name));
        if let Some(file) = imported {
            inherit_secrecy(template, &mut file.overrides);
        }
    }
}

/// Generates the requested secrets that do not exist yet.
pub(crate) fn generate(stack: &mut Stack, ctx: &Context) -> Result<(), OperationError> {
    let asked = stack.imported.iter().flat_map(|file| &file.secrets);
    let asked: Vec<(SecretName, Generate)> =
        asked.filter_map(|(name, file)| Some((name.clone(), file.generate?))).collect();
    for (name, how) in asked {
        if let Entry::Vacant(unset) = stack.secrets.entry(name) {
            unset.insert(made(how, ctx)?);
        }
    }
    let mut logins: BTreeSet<String> = login_names(stack);
    for (name, config) in effective(stack) {
        let Some(instance) = stack.instances.get_mut(&name) else { continue };
        for import in config.imports.iter().filter(|import| import.own) {
            let is = |key: &String| login_of(key).is_some_and(|(other, _)| other == import.name);
            if !instance.generated.keys().any(is) {
                let key = login_key(&name, &import.name, |name| logins.contains(name));
                logins.extend(login_of(&key).map(|(_, name)| name.to_owned()));
                instance.generated.insert(key, made(LOGIN, ctx)?);
            }
        }
        for (variable, value) in config.service.environment.into_iter().flatten() {
            if let EnvValue::Generate(how) = value
                && let Entry::Vacant(unset) = instance.generated.entry(variable)
            {
                unset.insert(made(how, ctx)?);
            }
        }
    }
    Ok(())
}

/// Generates new values for those of a stack's undecryptable secrets that DevArch generated and that are still used.
pub(crate) fn remade(stack: &Stack, ctx: &Context) -> Result<BTreeMap<SecretId, Secret>, OperationError> {
    let mut emptied = stack.clone();
    emptied.secrets.retain(|_, kept| kept.value.open().is_ok());
    for instance in emptied.instances.values_mut() {
        instance.generated.retain(|_, kept| kept.value.open().is_ok());
    }
    generate(&mut emptied, ctx)?;
    let mut values = BTreeMap::new();
    let mut note = |lost: &KeptSecret, made: Option<&KeptSecret>| {
        if let Some(Ok(secret)) = made.map(|made| made.value.open()) {
            values.insert(lost.id.clone(), secret.clone());
        }
    };
    for (name, kept) in &stack.secrets {
        note(kept, emptied.secrets.get(name));
    }
    for (name, instance) in &stack.instances {
        let made = &emptied.instances[name].generated;
        for (key, kept) in &instance.generated {
            // A login keeps its name, which may date from before its instance was renamed.
            let import = |key| login_of(key).map(|(import, _)| import);
            let again = || made.iter().find(|(made, _)| import(key).is_some() && import(made) == import(key));
            note(kept, made.get(key).or_else(|| again().map(|(_, made)| made)));
        }
    }
    Ok(values)
}

pub(crate) fn login_names(stack: &Stack) -> BTreeSet<String> {
    let keys = stack.instances.values().flat_map(|instance| instance.generated.keys());
    keys.filter_map(|key| Some(login_of(key)?.1.to_owned())).collect()
}

pub(crate) fn made(how: Generate, ctx: &Context) -> Result<KeptSecret, OperationError> {
    Ok(kept(SecretValue::Known(random(how)?), ctx))
}

pub(crate) fn kept(value: SecretValue, ctx: &Context) -> KeptSecret {
    KeptSecret { id: new_id(ctx.ids.as_ref()), value, changed_at: ctx.clock.now() }
}

/// Generates a secret of random characters.
pub(crate) fn random(how: Generate) -> Result<Secret, OperationError> {
    // At least one byte in two is usable, so the chance that this many do not suffice is about once in the age of the
    // universe.
    let mut bytes = zeroize::Zeroizing::new(vec![0; usize::from(how.length) * 4 + 64]);
    getrandom::fill(&mut bytes).map_err(SecretError::NoRandomness)?;
    how.from_random(bytes.iter().copied())
        .ok_or_else(|| SecretError::NoRandomness(getrandom::Error::UNEXPECTED).into())
}

/// Returns why a text of a stack's definition cannot be decrypted, if so.
pub(crate) fn locked(stack: &Stack) -> Option<Undecryptable> {
    said(stack).find_map(|value| value.open().err())
}

/// Returns the users of each of a stack's secrets.
pub(crate) fn uses(stack: &Stack) -> BTreeMap<SecretName, Vec<SecretUse>> {
    let mut used: BTreeMap<SecretName, Vec<SecretUse>> = BTreeMap::new();
    for (instance, config) in effective(stack) {
        for (secret, field) in secret_uses(&config) {
            used.entry(secret).or_default().push(SecretUse { instance: Some(instance.clone()), field });
        }
    }
    for (secret, field) in external_secret_uses(&stack.wiring) {
        used.entry(secret).or_default().push(SecretUse { instance: None, field });
    }
    used
}
