//! A stack's secrets: set, made, listed, removed.

use crate::{
    Context, OperationError,
    context::{find_stack, instance},
    edit::{
        edit_stack,
        import::{draft_import, save_draft},
    },
    error::{InUse, NotFound, SecretError, Unreadable},
    here::find_import,
    secrets::{said, secret_variable},
};
use devarch_core::{
    desired::{effective, effective_of},
    id::SecretId,
    name::{InstanceName, StackName, nearest},
    resolve::{external_secret_uses, inherit_secrecy, login_key, login_of, secret_uses},
    secret::{Charset, Generate, KeptSecret, Locked, Secret, SecretName, SecretValue},
    stack::Stack,
    surroundings::Ids,
    template::EnvValue,
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    path::Path,
};

/// How the password of a login is made: of characters that nothing has to escape.
const LOGIN: Generate = Generate { length: 32, charset: Charset::Alphanumeric };

/// A secret, as far as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretInfo {
    /// The instance it was made for; `None`: it is the stack's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceName>,
    /// Its name; of one that was made for an instance the variable.
    pub name: String,
    /// Whether it has a value.
    pub set: bool,
    /// Why its value can't be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<String>,
    /// When it was set (milliseconds since the Unix epoch).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<i64>,
    /// Who uses it.
    pub used_by: Vec<SecretUse>,
}

/// A use of a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SecretUse {
    /// The instance; none where the stack itself uses it.
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

/// The id of a secret that comes to be.
pub(super) fn new_id(ids: &dyn Ids) -> SecretId {
    SecretId::new(ids.fresh())
}

/// What stands in the place of a template's secret is one, here and in what is remembered of the devarch.yml.
pub(super) fn seal(stack: &mut Stack) {
    for (name, instance) in &mut stack.instances {
        let template = &instance.template.template;
        inherit_secrecy(template, &mut instance.overrides);
        let imported = stack.imported.as_mut().and_then(|file| file.instances.get_mut(name));
        if let Some(file) = imported {
            inherit_secrecy(template, &mut file.overrides);
        }
    }
}

/// Makes the secrets that are asked for and not there yet.
pub(super) fn generate(stack: &mut Stack, ctx: &Context) -> Result<(), OperationError> {
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

/// New values for the secrets of a stack that can't be read and that DevArch made, as far as they are still asked for.
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
            // A login keeps its name, which may be of another name of its instance.
            let import = |key| login_of(key).map(|(import, _)| import);
            let again = || made.iter().find(|(made, _)| import(key).is_some() && import(made) == import(key));
            note(kept, made.get(key).or_else(|| again().map(|(_, made)| made)));
        }
    }
    Ok(values)
}

fn login_names(stack: &Stack) -> BTreeSet<String> {
    let keys = stack.instances.values().flat_map(|instance| instance.generated.keys());
    keys.filter_map(|key| Some(login_of(key)?.1.to_owned())).collect()
}

fn made(how: Generate, ctx: &Context) -> Result<KeptSecret, OperationError> {
    Ok(kept(SecretValue::Known(random(how)?), ctx))
}

/// Refuses what can't be a secret.
fn fit(name: &SecretName, value: &Secret) -> Result<(), OperationError> {
    let unfit = |why| Err(SecretError::Unfit { name: name.clone(), why }.into());
    if value.reveal().is_empty() {
        unfit("would be empty")
    } else if value.reveal().contains('\0') {
        unfit("has a NUL byte in it, which no variable and no argument can have")
    } else {
        Ok(())
    }
}

fn kept(value: SecretValue, ctx: &Context) -> KeptSecret {
    KeptSecret { id: new_id(ctx.ids.as_ref()), value, changed_at: ctx.clock.now() }
}

/// A new secret of random characters.
fn random(how: Generate) -> Result<Secret, OperationError> {
    // At least one byte in two is used, so that this many fail to suffice once in the age of the universe.
    let mut bytes = zeroize::Zeroizing::new(vec![0; usize::from(how.length) * 4 + 64]);
    getrandom::fill(&mut bytes).map_err(SecretError::NoRandomness)?;
    how.from_random(bytes.iter().copied())
        .ok_or_else(|| SecretError::NoRandomness(getrandom::Error::UNEXPECTED).into())
}

/// Sets a secret of a stack; says whether there was one.
pub async fn set_secret(
    ctx: &Context,
    stack: &StackName,
    name: &SecretName,
    value: &Secret,
) -> Result<bool, OperationError> {
    fit(name, value)?;
    let set = |stack: &mut Stack| {
        let id = stack.secrets.get(name).map_or_else(|| new_id(ctx.ids.as_ref()), |kept| kept.id.clone());
        let value = SecretValue::Known(value.clone());
        stack.secrets.insert(name.clone(), KeptSecret { id, ..kept(value, ctx) });
        Ok(())
    };
    let (before, _) = edit_stack(ctx, stack, set).await?;
    Ok(before.secrets.contains_key(name))
}

/// Keeps the values of an import: makes the stack that a directory's devarch.yml declares, not applied, where there
/// is none, and sets its secrets.
///
/// # Errors
///
/// As [`Context::draft`] and [`Context::set_secret`].
pub async fn keep_imported_secrets(
    ctx: &Context,
    directory: &Path,
    stack: &StackName,
    secrets: &BTreeMap<SecretName, Secret>,
) -> Result<(), OperationError> {
    let source = find_import(ctx, directory, Some(stack), None).await?;
    let Some(source) = source.filter(|source| source.existing.is_none()) else {
        for (name, value) in secrets {
            set_secret(ctx, stack, name, value).await?;
        }
        return Ok(());
    };
    let mut draft = draft_import(ctx, &source).await?;
    for (name, value) in secrets {
        fit(name, value)?;
        let value = kept(SecretValue::Known(value.clone()), ctx);
        draft.stack.secrets.insert(name.clone(), value);
    }
    save_draft(ctx, &draft).await.map(drop)
}

/// Makes a secret of a stack anew; says whether there was one.
pub async fn generate_secret(
    ctx: &Context,
    stack: &StackName,
    name: &SecretName,
    how: Generate,
) -> Result<bool, OperationError> {
    set_secret(ctx, stack, name, &random(how)?).await
}

/// Removes a secret of a stack that nobody uses.
pub async fn remove_secret(
    ctx: &Context,
    stack: &StackName,
    name: &SecretName,
) -> Result<(), OperationError> {
    let remove = |stack: &mut Stack| {
        let users = uses(stack).remove(name).unwrap_or_default();
        if !users.is_empty() {
            let users = users.iter().map(ToString::to_string).collect();
            return Err(InUse::Secret { stack: stack.name.clone(), name: name.clone(), users }.into());
        }
        let declared = stack.imported.as_ref().and_then(|file| file.secrets.get(name));
        if declared.is_some_and(|file| file.generate.is_some()) {
            return Err(SecretError::Declared { stack: stack.name.clone(), name: name.clone() }.into());
        }
        // A text that can't be read may refer to it.
        if let Some(why) = locked(stack) {
            return Err(Unreadable::Users { stack: stack.name.clone(), name: name.clone(), why }.into());
        }
        match stack.secrets.remove(name) {
            Some(_) => Ok(()),
            None => Err(no_secret(stack, name)),
        }
    };
    edit_stack(ctx, stack, remove).await.map(|_| ())
}

/// The secrets of a stack, its own by name and then those made for instances; never their values.
pub async fn list_secrets(ctx: &Context, name: &StackName) -> Result<Vec<SecretInfo>, OperationError> {
    let stack = find_stack(ctx, name).await?;
    let mut used = uses(&stack);
    let mut own: BTreeMap<SecretName, SecretInfo> = BTreeMap::new();
    for (name, kept) in &stack.secrets {
        own.insert(name.clone(), info(None, name.as_str(), Some(kept), used.remove(name)));
    }
    let declared = stack.imported.iter().flat_map(|file| file.secrets.keys().cloned());
    for name in declared.chain(used.keys().cloned().collect::<Vec<_>>()) {
        let users = used.remove(&name);
        own.entry(name.clone()).or_insert_with(|| info(None, name.as_str(), None, users));
    }
    let made = stack.instances.iter().flat_map(|(name, instance)| {
        let config = effective_of(&stack, name, instance);
        instance.generated.iter().map(move |(variable, kept)| {
            if let Some((import, _)) = login_of(variable) {
                let wants = config.imports.iter().any(|it| it.own && it.name == import);
                let own = SecretUse { instance: Some(name.clone()), field: format!("imports.{import}") };
                return info(Some(name.clone()), variable, Some(kept), wants.then(|| vec![own]));
            }
            let asks = config.service.environment.as_ref().and_then(|all| all.get(variable));
            let own = SecretUse { instance: Some(name.clone()), field: format!("environment.{variable}") };
            let users = matches!(asks, Some(EnvValue::Generate(_))).then(|| vec![own]);
            info(Some(name.clone()), variable, Some(kept), users)
        })
    });
    Ok(own.into_values().chain(made).collect())
}

/// The value of a stack's secret, or of a secret variable of an instance.
pub async fn reveal_secret(
    ctx: &Context,
    stack: &StackName,
    only: Option<&InstanceName>,
    name: &str,
) -> Result<Secret, OperationError> {
    let stack = find_stack(ctx, stack).await?;
    let locked = |why: Locked| Unreadable::Secret { name: name.to_owned(), why }.into();
    if let Some(only) = only {
        instance(&stack, only)?;
        return secret_variable(ctx, &stack, only, name).await;
    }
    let found = name.parse().ok().and_then(|name: SecretName| stack.secrets.get(&name));
    let known = stack.secrets.keys().map(SecretName::as_str);
    let kept = found.ok_or_else(|| no_such(&stack, name, nearest(name, known)))?;
    kept.value.open().cloned().map_err(locked)
}

/// Why a text of a stack's definition can't be read, if one can't.
fn locked(stack: &Stack) -> Option<Locked> {
    said(stack).find_map(|value| value.open().err())
}

/// Who uses the secrets of a stack.
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

fn info(
    instance: Option<InstanceName>,
    name: &str,
    kept: Option<&KeptSecret>,
    used_by: Option<Vec<SecretUse>>,
) -> SecretInfo {
    SecretInfo {
        instance,
        name: name.to_owned(),
        set: kept.is_some(),
        locked: kept.and_then(|kept| kept.value.open().err()).map(|why| why.to_string()),
        changed_at: kept.map(|kept| kept.changed_at),
        used_by: used_by.unwrap_or_default(),
    }
}

fn no_secret(stack: &Stack, name: &SecretName) -> OperationError {
    no_such(stack, name.as_str(), nearest(name.as_str(), stack.secrets.keys().map(SecretName::as_str)))
}

pub(crate) fn no_such(stack: &Stack, name: &str, near: Option<&str>) -> OperationError {
    NotFound::Secret { stack: stack.name.clone(), name: name.to_owned(), near: near.map(str::to_owned) }
        .into()
}
