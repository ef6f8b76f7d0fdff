//! Real engines, if available.

use crate::{fixture::Fixture, scope::Scope};
use devarch_core::engine::EngineKind;
use devarch_engine::{Candidate, Way, connect};
use std::{env, path::PathBuf};

/// The engine at `DEVARCH_TEST_DOCKER` or `DEVARCH_TEST_PODMAN` (addresses), else at root's usual socket. If it is not
/// available this prints `SKIPPED: ...` and returns `None`.
///
/// # Panics
///
/// Under `CI=true` without the engine.
pub async fn engine(kind: EngineKind) -> Option<Fixture> {
    let (variable, usual) = match kind {
        EngineKind::Docker => ("DEVARCH_TEST_DOCKER", "unix:///var/run/docker.sock"),
        EngineKind::Podman => ("DEVARCH_TEST_PODMAN", "unix:///run/podman/podman.sock"),
    };
    at(kind, variable, env::var(variable).unwrap_or_else(|_| usual.to_owned())).await
}

/// Podman as it runs for an ordinary user, at `DEVARCH_TEST_ROOTLESS`; without it as for the others.
///
/// # Panics
/// Under `CI=true` without it.
pub async fn rootless() -> Option<Fixture> {
    let variable = "DEVARCH_TEST_ROOTLESS";
    let none = || "unix:///nonexistent/rootless.sock".to_owned();
    at(EngineKind::Podman, variable, env::var(variable).unwrap_or_else(|_| none())).await
}

async fn at(kind: EngineKind, variable: &str, endpoint: String) -> Option<Fixture> {
    let candidate =
        Candidate { way: Way::Dial(endpoint.clone()), because: variable.to_owned(), only: Some(kind) };
    match connect(&[candidate]).await {
        Ok(engine) => Some(Fixture::new(engine, Scope::new(Some(endpoint)))),
        Err(error) => {
            let needed = env::var("CI").as_deref() == Ok("true");
            assert!(!needed, "an engine is needed under CI: {error}");
            skip(&error.to_string());
            None
        }
    }
}

/// The program at `DEVARCH_TEST_REGISTRY`, Debian's `docker-registry`; without it as for an engine.
///
/// # Panics
/// Under `CI=true` without it.
pub fn registry() -> Option<PathBuf> {
    program("DEVARCH_TEST_REGISTRY", "scripts/engines up")
}

/// Docker Compose at `DEVARCH_TEST_DOCKER_COMPOSE`, podman-compose at `DEVARCH_TEST_PODMAN_COMPOSE`; without them as for
/// an engine.
///
/// # Panics
/// Under `CI=true` without it.
pub fn compose(kind: EngineKind) -> Option<PathBuf> {
    let variable = match kind {
        EngineKind::Docker => "DEVARCH_TEST_DOCKER_COMPOSE",
        EngineKind::Podman => "DEVARCH_TEST_PODMAN_COMPOSE",
    };
    program(variable, "scripts/compose-tools")
}

fn program(variable: &str, got_by: &str) -> Option<PathBuf> {
    let program = env::var_os(variable).map(PathBuf::from);
    if program.is_none() {
        let needed = env::var("CI").as_deref() == Ok("true");
        assert!(!needed, "{variable} is needed under CI: {got_by} gets it");
        skip(&format!("{variable} is not set; {got_by} gets it"));
    }
    program
}

/// Reports why a test was skipped. Under `CI=true` a skipped test fails.
#[expect(clippy::print_stdout, reason = "that is its purpose")]
pub fn skip(reason: &str) {
    println!("SKIPPED: {reason}");
}
