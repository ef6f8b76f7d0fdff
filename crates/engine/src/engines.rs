//! The way to engines, as use-cases take it: tests put one in its place that leads to engines in memory.

use crate::{Candidate, ConnectOptions, Engine, EngineError, FindInput, connect_with};
use async_trait::async_trait;
use std::{fmt::Debug, sync::Arc};

/// Where engines are found.
#[async_trait]
pub trait Engines: Debug + Send + Sync {
    /// What the environment says about them; a flag is no part of it.
    fn said(&self) -> FindInput;

    /// The engine at the first of these places where one answers that is of the wanted kind.
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
