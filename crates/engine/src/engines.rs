//! How use-cases find engines. Tests substitute an implementation that returns in-memory engines.

use crate::{Candidate, ConnectOptions, Engine, EngineError, FindInput, connect_with};
use async_trait::async_trait;
use std::{fmt::Debug, sync::Arc};

/// Where engines are found.
#[async_trait]
pub trait Engines: Debug + Send + Sync {
    /// What the environment specifies, without the command line's flag.
    fn said(&self) -> FindInput;

    /// The first engine that answers at one of these candidates and is of the requested kind.
    async fn connect(
        &self,
        places: &[Candidate],
        options: ConnectOptions,
    ) -> Result<Arc<dyn Engine>, EngineError>;
}

/// Engines that this process reaches, found by its environment.
#[derive(Debug, Clone, Copy)]
pub struct ReachableEngines;

#[async_trait]
impl Engines for ReachableEngines {
    fn said(&self) -> FindInput {
        FindInput::from_environment(None)
    }

    async fn connect(
        &self,
        places: &[Candidate],
        options: ConnectOptions,
    ) -> Result<Arc<dyn Engine>, EngineError> {
        connect_with(places, options).await
    }
}
