//! A stack's secrets: set, generated, listed, removed.

use crate::{
    Context, OperationError,
    context::{find_stack, instance},
    definition::secrets::{SecretUse, kept, locked, new_id, random, uses},
    editing::{
        directory::find_import,
        edit::edit_stack,
        import::{draft_import, save_draft},
    },
    error::{InUse, NotFound, SecretError, Unreadable},
    planning::redaction::secret_variable,
};
use devarch_core::{
    desired::effective_of,
    name::{InstanceName, StackName},
    resolve::login_of,
    secret::{Generate, KeptSecret, Secret, SecretName, SecretValue, Undecryptable},
    stack::Stack,
    template::EnvValue,
};
use serde::Serialize;
use std::{collections::BTreeMap, path::Path};

/// A secret without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretInfo {
    /// The instance it was generated for; `None` for the stack's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceName>,
    /// Its name; for an instance's generated secret the variable.
    pub name: String,
    /// Whether it has a value.
    pub set: bool,
    /// Why its value cannot be decrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<String>,
    /// When it was set (milliseconds since the Unix epoch).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<i64>,
    /// Its users.
    pub used_by: Vec<SecretUse>,
}

/// Rejects values that cannot be a secret.
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

/// Sets a secret of a stack; returns whether it existed.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack))]
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

/// Stores the values of an import: creates the stack that a directory's devarch.yml declares, if it does not exist,
/// without applying it, and sets its secrets.
///
/// # Errors
///
/// As [`draft_import`] and [`set_secret`].
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack))]
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

/// Generates a new value for a secret of a stack; returns whether it existed.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack))]
pub async fn generate_secret(
    ctx: &Context,
    stack: &StackName,
    name: &SecretName,
    how: Generate,
) -> Result<bool, OperationError> {
    set_secret(ctx, stack, name, &random(how)?).await
}

/// Removes an unused secret of a stack.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack))]
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
        // An undecryptable text may refer to it.
        if let Some(why) = locked(stack) {
            return Err(Unreadable::Users { stack: stack.name.clone(), name: name.clone(), why }.into());
        }
        if stack.secrets.remove(name).is_some() {
            return Ok(());
        }
        let known = stack.secrets.keys().map(SecretName::as_str);
        Err(NotFound::secret(&stack.name, name.as_str(), known).into())
    };
    edit_stack(ctx, stack, remove).await.map(|_| ())
}

/// Returns the secrets of a stack, its own by name and then those generated for instances; never their values.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
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

/// Returns the value of a stack's secret, or of a secret variable of an instance.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack))]
pub async fn reveal_secret(
    ctx: &Context,
    stack: &StackName,
    only: Option<&InstanceName>,
    name: &str,
) -> Result<Secret, OperationError> {
    let stack = find_stack(ctx, stack).await?;
    let locked = |why: Undecryptable| Unreadable::Secret { name: name.to_owned(), why }.into();
    if let Some(only) = only {
        instance(&stack, only)?;
        return secret_variable(ctx, &stack, only, name).await;
    }
    let found = name.parse().ok().and_then(|name: SecretName| stack.secrets.get(&name));
    let known = stack.secrets.keys().map(SecretName::as_str);
    let kept = found.ok_or_else(|| NotFound::secret(&stack.name, name, known))?;
    kept.value.open().cloned().map_err(locked)
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
