//! Instances' own logins on their providers, and their removal with the instance.

use crate::{
    Context, OperationError, Target,
    context::{connect_engine, find_stack, instance},
    error::{LoginError, Unremovable},
    execution::command::run_command,
    planning::{
        engine_identity::observe_stack,
        links::{linked_from, linked_instances, refuse_if_linked},
        observe::Look,
        redaction::secret_mask,
        wiring::{previous_wiring, stack_ownership, wire_stack},
    },
    usecase::status::current,
};
use devarch_core::{
    id::ContainerId,
    name::{InstanceName, StackName},
    observed::{Observed, RunState},
    resolve::{OwnLogin, Provisioning},
    stack::Stack,
    wire::{Endpoint, ProviderName},
};
use devarch_engine::Engine;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Logins that can be removed: their providers are running and define a command for it.
pub struct Droppable(Vec<Removal>);

struct Removal {
    at: Endpoint,
    command: Provisioning,
    engine: Arc<dyn Engine>,
    container: ContainerId,
}

impl Droppable {
    /// Returns what is removed: the name of user and database, and the provider.
    pub fn names(&self) -> impl Iterator<Item = (&str, &Endpoint)> {
        self.0.iter().map(|removal| (removal.command.name.as_str(), &removal.at))
    }
}

/// Returns an instance's own logins; none before the first apply of its stack, because none were created.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack))]
pub async fn own_logins(
    ctx: &Context,
    stack: &StackName,
    name: &InstanceName,
) -> Result<Vec<OwnLogin>, OperationError> {
    let stack = find_stack(ctx, stack).await?;
    instance(&stack, name)?;
    logins_of(ctx, &stack, name).await
}

/// Returns the logins of a stack's instances on other stacks' providers: they remain there when it is deleted.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack.name))]
pub async fn logins_elsewhere(ctx: &Context, stack: &Stack) -> Result<Vec<OwnLogin>, OperationError> {
    let logins = find_logins(ctx, stack).await?.into_values().flatten();
    let elsewhere = logins.filter(|login| {
        let at = login.at.as_ref().map(|at| &at.provider);
        matches!(at, Some(ProviderName::Other { .. }))
    });
    Ok(elsewhere.collect())
}

async fn logins_of(
    ctx: &Context,
    stack: &Stack,
    name: &InstanceName,
) -> Result<Vec<OwnLogin>, OperationError> {
    Ok(find_logins(ctx, stack).await?.remove(name).unwrap_or_default())
}

/// Returns each instance's logins, with a single read of the store.
async fn find_logins(
    ctx: &Context,
    stack: &Stack,
) -> Result<BTreeMap<InstanceName, Vec<OwnLogin>>, OperationError> {
    if stack.engine.is_none() {
        return Ok(BTreeMap::new());
    }
    let (wired, prior) = (wire_stack(ctx, stack).await?, previous_wiring(ctx, stack).await?);
    let others = linked_instances(ctx, stack).await?;
    let own = |name: &InstanceName| (name.clone(), wired.own_logins(name, &prior, &others));
    Ok(stack.instances.keys().map(own).collect())
}

/// Returns the logins of an instance to be removed. Fails unless all of them can be removed with it.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack))]
pub async fn droppable_logins(
    ctx: &Context,
    stack: &StackName,
    name: &InstanceName,
) -> Result<Droppable, OperationError> {
    refuse_if_linked(ctx, stack, Some(name)).await?;
    let stack = find_stack(ctx, stack).await?;
    instance(&stack, name)?;
    let logins = logins_of(ctx, &stack, name).await?;
    let mut removals = Vec::new();
    if logins.is_empty() {
        return Ok(Droppable(removals));
    }
    let engine = connect_engine(ctx, Some(&stack)).await?;
    let (observed, _) = observe_stack(ctx, &stack, engine.as_ref(), &Look::default()).await?;
    for login in logins {
        let owner = LoginOwner { stack: &stack, name };
        removals.push(login_removal(ctx, owner, &engine, &observed, login).await?);
    }
    Ok(Droppable(removals))
}

/// The instance that has a login.
#[derive(Clone, Copy)]
struct LoginOwner<'a> {
    stack: &'a Stack,
    name: &'a InstanceName,
}

async fn login_removal(
    ctx: &Context,
    owner: LoginOwner<'_>,
    engine: &Arc<dyn Engine>,
    observed: &Observed,
    login: OwnLogin,
) -> Result<Removal, OperationError> {
    let LoginOwner { stack, name } = owner;
    let OwnLogin { name: user, import, at, removal } = login;
    let refused = |why: Unremovable| -> Result<Removal, OperationError> {
        let (login, stack, instance) = (user, stack.name.clone(), name.clone());
        Err(LoginError::Unremovable { login, stack, instance, why }.into())
    };
    let Some(at) = at else {
        return refused(Unremovable::Unwired(import));
    };
    let Some(provider) = place(stack, &at) else {
        return refused(Unremovable::External(at));
    };
    let Some(command) = removal else {
        return refused(Unremovable::NoCommand { at, stack: provider.stack });
    };
    if let Some(other) = shares_login(ctx, owner, &provider, &command).await? {
        return refused(Unremovable::Shared(other));
    }
    let theirs = find_stack(ctx, &provider.stack).await?;
    let ownership = stack_ownership(ctx, observed.engine_id.as_ref()).await?;
    let name = &provider.instance;
    let container = current(&observed.containers, &ownership, &theirs, name, instance(&theirs, name)?);
    match container {
        Some(container) if container.state == RunState::Running => {
            Ok(Removal { at, command, engine: engine.clone(), container: container.id.clone() })
        }
        _ => refused(Unremovable::NotRunning { stack: provider.stack, instance: provider.instance }),
    }
}

/// Returns another instance with a login of that name on the same provider: an instance of another stack, or one with
/// the name that this one had before it was renamed.
async fn shares_login(
    ctx: &Context,
    LoginOwner { stack, name }: LoginOwner<'_>,
    provider: &Target,
    wanted: &Provisioning,
) -> Result<Option<String>, OperationError> {
    let linked = linked_from(ctx, &provider.stack, Some(&provider.instance)).await?;
    let mut stacks: BTreeSet<StackName> = linked.into_iter().map(|link| link.stack).collect();
    stacks.extend([stack.name.clone(), provider.stack.clone()]);
    for other in stacks {
        let other = find_stack(ctx, &other).await?;
        for (consumer, logins) in find_logins(ctx, &other).await? {
            if other.id == stack.id && consumer == *name {
                continue;
            }
            let same = logins.iter().any(|login| {
                let at = login.at.as_ref().and_then(|at| place(&other, at));
                login.name == wanted.name && at.is_some_and(|at| at == *provider)
            });
            if same {
                return Ok(Some(format!("{}/{consumer}", other.name)));
            }
        }
    }
    Ok(None)
}

/// Removes logins one at a time; an error lists those removed before it. Can be repeated.
#[tracing::instrument(level = "info", skip_all, fields(stack = %stack))]
pub async fn drop_logins(ctx: &Context, stack: &StackName, logins: &Droppable) -> Result<(), OperationError> {
    let mask = secret_mask(ctx, &find_stack(ctx, stack).await?).await?;
    let clock = ctx.clock.as_ref();
    for (done, Removal { at, command, engine, container }) in logins.0.iter().enumerate() {
        let end = run_command(engine.as_ref(), clock, container, command).await?;
        if end.code != 0 {
            let output = mask.text(&end.output.join("\n  | ")).into_owned();
            let removed = logins.names().take(done).map(|(name, _)| name.to_owned()).collect();
            let (at, name) = (at.to_string(), command.name.clone());
            return Err(LoginError::Stays { at, name, code: end.code, output, removed }.into());
        }
    }
    Ok(())
}

/// Returns the stack and the instance of a provider; `None` for an external one.
fn place(stack: &Stack, at: &Endpoint) -> Option<Target> {
    let target = |stack: &StackName, instance: &InstanceName| Target {
        stack: stack.clone(),
        instance: instance.clone(),
    };
    match &at.provider {
        ProviderName::Instance(instance) => Some(target(&stack.name, instance)),
        ProviderName::Other { stack, instance } => Some(target(stack, instance)),
        ProviderName::External(_) => None,
    }
}
