//! How a container that should be running ended, with its last lines.

use crate::execution::{failure::Failure, runner::StepRunner};
use devarch_core::{id::ContainerId, observed::RunState};
use devarch_engine::{EngineError, EngineErrorKind, LogOptions};
use futures_util::StreamExt as _;

/// How many last lines a failure shows.
const LAST_LINES: u32 = 10;

impl StepRunner<'_> {
    /// Returns how a container ended.
    pub(crate) async fn exited(&self, id: &ContainerId) -> Failure {
        match self.engine.inspect(id).await {
            Ok(Some(state)) => Failure::Exited {
                code: state.exit_code,
                restarted: state.restarting || state.state == RunState::Running,
                out_of_memory: state.out_of_memory,
                logs: self.last_lines(id).await,
            },
            Ok(None) => Failure::Engine(EngineError::new(
                "look at a container that was started",
                EngineErrorKind::NotFound,
                "it is gone",
            )),
            Err(error) => Failure::Engine(error),
        }
    }

    /// Returns the last lines a container wrote; none if the engine does not return them.
    pub(crate) async fn last_lines(&self, id: &ContainerId) -> Vec<String> {
        let options = LogOptions { tail: Some(LAST_LINES), ..LogOptions::default() };
        let Ok(mut stream) = self.engine.logs(id, &options).await else { return Vec::new() };
        let mut text = Vec::new();
        while let Some(Ok(chunk)) = stream.next().await {
            text.extend(chunk.bytes);
        }
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    }
}
