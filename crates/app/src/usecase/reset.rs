//! Resets a store whose key is lost for good: values discarded with it, and a new key.

use crate::{
    Context, OperationError,
    definition::secrets::{remade, uses},
};
use devarch_core::{
    name::{InstanceName, PhysicalVolume, StackName},
    secret::{HoldsSecrets as _, KeptSecret, SecretName, SecretValue},
    stack::{Instance, Stack},
};
use devarch_store::{CannotOpen, KeyError, Remade, StoreError};
use serde::Serialize;
use std::{collections::BTreeSet, fmt};

/// How often a reset is retried after secrets were added concurrently.
const ATTEMPTS: usize = 5;

/// What is discarded with a lost key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// Why the key cannot be used.
    pub why: String,
    /// Secrets of stacks, which have to be set again.
    pub unset: Vec<LostSecret>,
    /// Values given inline in definitions, which have to be set again.
    pub said: Vec<LostValue>,
    /// Values that DevArch generated and generates again.
    pub remade: Vec<LostValue>,
    /// Volumes whose data may depend on a discarded password.
    pub volumes: Vec<LostVolume>,
    /// Stacks bound to an engine: their containers are replaced at the next apply.
    pub replaced: Vec<StackName>,
}

/// A secret of a stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LostSecret {
    /// The stack.
    pub stack: StackName,
    /// Its name.
    pub secret: SecretName,
}

/// A value in a definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LostValue {
    /// The stack.
    pub stack: StackName,
    /// The instance; `None` for the stack's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceName>,
    /// The field: `environment.PASSWORD`.
    pub field: String,
}

/// A volume with its owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LostVolume {
    /// The stack.
    pub stack: StackName,
    /// The instance.
    pub instance: InstanceName,
    /// Its name on the engine.
    pub volume: PhysicalVolume,
}

impl fmt::Display for LostSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.stack, self.secret)
    }
}

impl fmt::Display for LostValue {
    /// Formats as `shop/web environment.PASSWORD`, which `set` accepts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stack)?;
        self.instance.iter().try_for_each(|instance| write!(f, "/{instance}"))?;
        write!(f, " {}", self.field)
    }
}

impl fmt::Display for LostVolume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}/{}", self.volume, self.stack, self.instance)
    }
}

/// Returns what a reset of the store's key discards. Fails if the key exists, or may exist.
#[tracing::instrument(level = "info", skip_all)]
pub async fn key_loss(ctx: &Context) -> Result<Loss, OperationError> {
    let why = explain(&ctx.store.lost_key().await?);
    Ok(Loss { why, ..find_loss(ctx, &ctx.store.stacks().await?).await? })
}

/// Gives the store a new key and discards what was encrypted with the lost one; returns what that was.
#[tracing::instrument(level = "info", skip_all)]
pub async fn reset_key(ctx: &Context) -> Result<Loss, OperationError> {
    let mut attempt = 0;
    loop {
        let why = explain(&ctx.store.lost_key().await?);
        let stacks = ctx.store.stacks().await?;
        let loss = find_loss(ctx, &stacks).await?;
        match ctx.store.reset_key(&anew(&stacks, ctx)?).await {
            Ok(_) => return Ok(Loss { why, ..loss }),
            Err(StoreError::Key(KeyError::NotReset)) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Explains why the key cannot be read, and what would help.
fn explain(lost: &CannotOpen) -> String {
    format!("{lost}; {}", lost.hint())
}

/// Returns what is lost of stacks, and of the values kept with unused volumes.
async fn find_loss(ctx: &Context, stacks: &[Stack]) -> Result<Loss, OperationError> {
    let mut loss = loss(stacks);
    let kept = ctx.store.kept_volumes().await?.into_iter();
    let concerned = kept.filter(|kept| kept.values.secret_values().iter().any(|(_, value)| is_lost(value)));
    loss.volumes.extend(concerned.map(|kept| LostVolume {
        stack: kept.stack,
        instance: kept.instance,
        volume: kept.physical,
    }));
    Ok(loss)
}

/// Returns new values for those that DevArch generated, and none for those that users set.
fn anew(stacks: &[Stack], ctx: &Context) -> Result<Remade, OperationError> {
    let mut all = Remade::new();
    for stack in stacks {
        let values = remade(stack, ctx)?;
        for kept in kept(stack).filter(|kept| is_lost(&kept.value)) {
            all.insert(kept.id.clone(), values.get(&kept.id).cloned());
        }
    }
    Ok(all)
}

fn kept(stack: &Stack) -> impl Iterator<Item = &KeptSecret> {
    let made = stack.instances.values().flat_map(|instance| instance.generated.values());
    stack.secrets.values().chain(made)
}

fn is_lost(value: &SecretValue) -> bool {
    value.open().is_err()
}

fn loss(stacks: &[Stack]) -> Loss {
    let mut loss = Loss::default();
    for stack in stacks {
        let value = |instance: Option<&InstanceName>, field: String| LostValue {
            stack: stack.name.clone(),
            instance: instance.cloned(),
            field,
        };
        let declared = |name: &SecretName| {
            let file = stack.imported.as_ref().and_then(|file| file.secrets.get(name));
            file.is_some_and(|file| file.generate.is_some())
        };
        let gone: BTreeSet<&SecretName> =
            stack.secrets.iter().filter(|(_, kept)| is_lost(&kept.value)).map(|(name, _)| name).collect();
        for name in &gone {
            if declared(name) {
                loss.remade.push(value(None, format!("secrets.{name}")));
            } else {
                loss.unset.push(LostSecret { stack: stack.name.clone(), secret: (*name).clone() });
            }
        }
        let external = stack.wiring.secret_values();
        loss.said.extend(fields(external).map(|field| value(None, field)));
        for (name, instance) in &stack.instances {
            let made = instance.generated.iter().filter(|(_, kept)| is_lost(&kept.value));
            loss.remade.extend(made.map(|(made, _)| value(Some(name), made_for(made))));
            loss.said.extend(said(instance).map(|field| value(Some(name), field)));
        }
        if stack.engine.is_some() {
            loss.replaced.push(stack.name.clone());
            loss.volumes.extend(volumes(stack, &gone));
        }
    }
    loss
}

fn made_for(variable: &str) -> String {
    devarch_core::resolve::login_of(variable)
        .map_or_else(|| format!("environment.{variable}"), |(import, _)| format!("imports.{import}"))
}

/// Returns the fields of an instance whose values are lost, its own and its template's.
fn said(instance: &Instance) -> impl Iterator<Item = String> {
    let own: BTreeSet<String> = fields(instance.overrides.secret_values()).collect();
    let inherited = fields(instance.template.template.secret_values());
    let all = own.into_iter().chain(inherited);
    // As an entry of the whole field, which `set` accepts.
    let all = all.map(|field| field.replacen("environment_add.", "environment.", 1));
    all.collect::<BTreeSet<String>>().into_iter()
}

fn fields(values: Vec<(String, SecretValue)>) -> impl Iterator<Item = String> {
    values.into_iter().filter(|(_, value)| is_lost(value)).map(|(field, _)| field)
}

/// Returns the volumes of instances that use a lost value.
fn volumes(stack: &Stack, lost: &BTreeSet<&SecretName>) -> Vec<LostVolume> {
    let users: BTreeSet<InstanceName> = uses(stack)
        .into_iter()
        .filter(|(secret, _)| lost.contains(secret))
        .flat_map(|(_, users)| users)
        .filter_map(|user| user.instance)
        .collect();
    let concerned = |(name, instance): &(&InstanceName, &Instance)| {
        users.contains(*name)
            || instance.generated.values().any(|kept| is_lost(&kept.value))
            || said(instance).next().is_some()
    };
    let of = |(name, instance): (&InstanceName, &Instance)| {
        let (stack, name) = (stack.name.clone(), name.clone());
        let volumes: Vec<PhysicalVolume> = instance.volumes.values().cloned().collect();
        volumes.into_iter().map(move |volume| LostVolume {
            stack: stack.clone(),
            instance: name.clone(),
            volume,
        })
    };
    stack.instances.iter().filter(concerned).flat_map(of).collect()
}
