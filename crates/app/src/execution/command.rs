//! Commands that DevArch runs in containers.

use devarch_core::{environment::Clock, id::ContainerId, resolve::Provisioning};
use devarch_engine::{Engine, EngineError, ExecRequest};
use futures_util::StreamExt as _;
use std::time::Duration;

/// How many last lines of the output are kept.
const LAST_LINES: usize = 10;

/// The polling interval for the end of a command.
const PAUSE: Duration = Duration::from_millis(20);

/// The result of a command.
pub(crate) struct CommandEnd {
    /// The exit code.
    pub(crate) code: i64,
    /// The last lines of its output.
    pub(crate) output: Vec<String>,
}

/// Runs a provider's command in its container and waits until it ends.
pub(crate) async fn run_command(
    engine: &dyn Engine,
    clock: &dyn Clock,
    container: &ContainerId,
    wanted: &Provisioning,
) -> Result<CommandEnd, EngineError> {
    let variables = wanted.environment.iter();
    let request = ExecRequest {
        argv: wanted.command.clone(),
        stdin: false,
        tty: None,
        user: None,
        working_dir: None,
        environment: variables.map(|(name, value)| format!("{name}={}", value.reveal())).collect(),
    };
    let mut exec = engine.exec(container, &request).await?;
    let mut text = Vec::new();
    while let Some(Ok(chunk)) = exec.output.next().await {
        text.extend(chunk.bytes);
    }
    let code = loop {
        match engine.exec_exit_code(&exec.id).await? {
            Some(code) => break code,
            None => clock.sleep(PAUSE).await,
        }
    };
    let mut output: Vec<String> = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
    output.drain(..output.len().saturating_sub(LAST_LINES));
    Ok(CommandEnd { code, output })
}
