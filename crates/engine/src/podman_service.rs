//! Podman without a running API service: DevArch starts one.

use crate::{Endpoint, EngineError, EngineErrorKind};
use std::{
    fs,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};
use tokio::net::UnixStream;

const TIMEOUT: Duration = Duration::from_secs(15);

/// Starts `podman system service` detached from this process, without an end, and waits until it listens.
pub(crate) async fn start(program: &Path, socket: &Path) -> Result<Endpoint, EngineError> {
    let endpoint = Endpoint::Unix(socket.to_owned());
    let failed = |message: String| {
        EngineError::new(
            format!("start Podman's service at {endpoint}"),
            EngineErrorKind::NotRunning,
            message,
        )
    };
    if let Some(parent) = socket.parent() {
        fs::create_dir_all(parent).map_err(|error| failed(error.to_string()))?;
    }
    #[expect(clippy::disallowed_methods, reason = "the one program an engine's API cannot start")]
    let mut service = Command::new(program)
        .args(["system", "service", "--time=0"])
        .arg(endpoint.to_string())
        // It outlives the directory it was started in, and without one it can start no container.
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let listening = async {
        while UnixStream::connect(socket).await.is_err() {
            if let Ok(Some(status)) = service.try_wait() {
                return Err(failed(format!("podman system service exited: {status}")));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    };
    tokio::time::timeout(TIMEOUT, listening)
        .await
        .unwrap_or_else(|_| Err(failed("it does not listen".to_owned())))?;
    Ok(endpoint)
}
