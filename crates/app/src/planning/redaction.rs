//! Redaction of secrets in output of engines and containers.

use crate::{
    Context, OperationError,
    definition::secret_values::{held, known},
    error::{NotFound, SecretError, Unreadable},
    planning::{
        effective::instance_spec,
        wiring::{remembered, wire_stack},
    },
};
use devarch_core::{
    id::InstanceId,
    name::InstanceName,
    plan::SpecState,
    secret::{Mask, Secret, Undecryptable},
    stack::Stack,
    text::Text,
};
use std::collections::{BTreeMap, BTreeSet};

/// The minimum length of a redacted value: a shorter text appears everywhere.
pub(crate) const SHORTEST: usize = 4;

/// Creates a mask for a stack's secrets: the current ones, and those its containers were created with. If one cannot
/// be decrypted, it hides everything.
pub async fn secret_mask(ctx: &Context, stack: &Stack) -> Result<Mask, OperationError> {
    Ok(values_to_hide(ctx, stack).await?.map_or_else(|_| Mask::blind(), |secrets| Mask::new(&secrets)))
}

/// Creates the same mask for containers' output; fails instead of hiding everything.
pub(crate) async fn output_mask(ctx: &Context, stack: &Stack) -> Result<Mask, OperationError> {
    let secrets = values_to_hide(ctx, stack).await?;
    let blind = |why| Unreadable::Output { stack: stack.name.clone(), why }.into();
    secrets.map(|secrets| Mask::new(&secrets)).map_err(blind)
}

/// Returns the secrets that engines' and containers' output about a stack may contain, or why one of them cannot be
/// decrypted.
pub(crate) async fn values_to_hide(
    ctx: &Context,
    stack: &Stack,
) -> Result<Result<Vec<Secret>, String>, OperationError> {
    let mut known = known(stack);
    let unread =
        held(stack).find_map(|value| value.open().err().filter(|why| *why != Undecryptable::GivenUp));
    if let Some(why) = unread {
        return Ok(Err(why.to_string()));
    }
    let instances: BTreeSet<InstanceId> =
        stack.instances.values().map(|instance| instance.id.clone()).collect();
    let applied = ctx.store.applied(&stack.id).await?.into_iter();
    for (id, applied) in applied.flat_map(|(id, all)| all.into_iter().map(move |one| (id.clone(), one))) {
        let remembered = remembered(&id, applied)?;
        match remembered.secrets {
            Ok(secrets) => known.extend(secrets.into_values()),
            // Its containers are gone and can no longer write anything.
            Err(_) if remembered.state == SpecState::Removed || !instances.contains(&id) => {}
            Err(Undecryptable::GivenUp) => return Ok(Err(given_up(stack))),
            Err(why) => return Ok(Err(why.to_string())),
        }
    }
    Ok(Ok(known))
}

/// Returns the value of a secret variable, as the instance's container receives it.
pub(crate) async fn secret_variable(
    ctx: &Context,
    stack: &Stack,
    name: &InstanceName,
    variable: &str,
) -> Result<Secret, OperationError> {
    let wired = wire_stack(ctx, stack).await?;
    let environment: BTreeMap<String, Text> = instance_spec(ctx, stack, name, &wired.effective)
        .map(|(spec, _)| spec.environment)
        .unwrap_or_default();
    match environment.get(variable) {
        Some(Text::Secret(secret)) if !secret.reveal().is_empty() => Ok(secret.clone()),
        Some(Text::Secret(_)) => {
            Err(Unreadable::Variable { instance: name.clone(), variable: variable.to_owned() }.into())
        }
        Some(Text::Plain(_)) => {
            let (stack, instance) = (stack.name.clone(), name.clone());
            Err(SecretError::NotSecret { stack, instance, variable: variable.to_owned() }.into())
        }
        None => {
            let secret = environment.iter().filter(|(_, text)| text.is_secret());
            Err(NotFound::secret(&stack.name, variable, secret.map(|(name, _)| name.as_str())).into())
        }
    }
}

pub(crate) fn given_up(stack: &Stack) -> String {
    let stack = &stack.name;
    format!(
        "the values its containers were created with were discarded with their key; `devarch apply {stack}` recreates them"
    )
}
