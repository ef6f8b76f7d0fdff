//! Shared state of every use-case: the store, the settings, and an engine connected on demand.

use crate::{
    Environment, OperationError, Settings,
    error::{NotFound, SecretError},
};
use devarch_core::{
    environment::{Clock, Host, Ids},
    hash::HashKey,
    id::StoreId,
    name::{InstanceName, StackName, nearest},
    secret::Undecryptable,
    stack::{Instance, Stack},
};
use devarch_engine::{ConnectOptions, Engine, Engines, FindInput, candidates};
use devarch_store::{Author, CannotOpen, Store};
use std::sync::Arc;

/// An open DevArch home: the context every operation takes.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) store: Store,
    pub(crate) store_id: StoreId,
    /// The key of config hashes, or why it cannot be read.
    pub(crate) hash_key: Result<HashKey, CannotOpen>,
    pub(crate) settings: Settings,
    pub(crate) engines: Arc<dyn Engines>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) host: Arc<dyn Host>,
}

impl Context {
    /// Opens the store, creating it if it does not exist.
    pub async fn open(settings: Settings, around: Environment) -> Result<Self, OperationError> {
        let store = Store::open(&settings.database, &settings.host, &settings.key_file()).await?;
        let identity = store.identity().await?;
        let hash_key = identity.hash_key.map(|key| HashKey::new(*key));
        let Environment { engines, clock, ids, host } = around;
        Ok(Self { store, store_id: identity.id, hash_key, settings, engines, clock, ids, host })
    }

    /// Returns the key of config hashes.
    pub(crate) fn hash_key(&self) -> Result<&HashKey, OperationError> {
        self.hash_key.as_ref().map_err(|why| SecretError::Locked(why.clone()).into())
    }

    /// Returns the same key for plans, with core's error.
    pub(crate) fn hash_key_or_why(&self) -> Result<&HashKey, Undecryptable> {
        self.hash_key.as_ref().map_err(CannotOpen::locked)
    }

    /// Returns engines, clock, ids and host, to open another store with.
    pub(crate) fn environment(&self) -> Environment {
        Environment {
            engines: Arc::clone(&self.engines),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            host: Arc::clone(&self.host),
        }
    }

    /// Returns the user and host recorded with locks, plans and the history.
    pub(crate) fn author(&self) -> Author {
        Author {
            user: self.settings.user.clone(),
            host: self.settings.host_name.clone(),
            pid: self.host.process(),
        }
    }

    /// Returns the settings the context was opened with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the store.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

/// Returns the stack with this name.
pub async fn find_stack(ctx: &Context, name: &StackName) -> Result<Stack, OperationError> {
    match ctx.store.stack(name).await? {
        Some(stack) => Ok(stack),
        None => Err(no_such_stack(ctx, name).await?),
    }
}

async fn no_such_stack(ctx: &Context, name: &StackName) -> Result<OperationError, OperationError> {
    let names = ctx.store.stack_names().await?;
    let near = nearest(name.as_str(), names.iter().map(StackName::as_str)).map(str::to_owned);
    Ok(NotFound::Stack { name: name.to_string(), near }.into())
}

/// Connects to a stack's engine: the one requested, else the one the stack is bound to, else the first that answers.
pub async fn connect_engine(ctx: &Context, stack: Option<&Stack>) -> Result<Arc<dyn Engine>, OperationError> {
    let flag = ctx.settings.engine.clone();
    let mut input = FindInput { flag, ..ctx.engines.said() };
    let asked = input.flag.is_some() || input.devarch_engine.is_some();
    if let (false, Some(binding)) = (asked, stack.and_then(|stack| stack.engine.as_ref())) {
        input.flag = Some(binding.endpoint.clone());
    }
    let options = ConnectOptions { timeout: ctx.settings.engine_timeout };
    Ok(ctx.engines.connect(&candidates(&input), options).await?)
}

/// Returns the instance with this name in a stack.
pub(crate) fn instance<'a>(stack: &'a Stack, name: &InstanceName) -> Result<&'a Instance, OperationError> {
    stack.instances.get(name).ok_or_else(|| {
        let near =
            nearest(name.as_str(), stack.instances.keys().map(InstanceName::as_str)).map(str::to_owned);
        NotFound::Instance { stack: stack.name.clone(), name: name.clone(), near }.into()
    })
}
