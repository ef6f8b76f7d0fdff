//! Podman without a running service.

use devarch_core::engine::EngineKind;
use devarch_engine::{Candidate, EngineErrorKind, FindInput, Way, connect};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

fn candidate(program: &Path, socket: &Path) -> Candidate {
    Candidate {
        way: Way::StartPodman { program: program.to_owned(), socket: socket.to_owned() },
        because: "test".to_owned(),
        only: Some(EngineKind::Podman),
    }
}

/// Ends the process whose command line names `socket`, and returns its working directory.
fn end(socket: &Path) -> Option<PathBuf> {
    let mut directory = None;
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let line = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        let pid = entry.file_name().to_string_lossy().parse().ok().and_then(Pid::from_raw);
        if let Some(pid) = pid
            && line.contains(&*socket.to_string_lossy())
        {
            directory = fs::read_link(entry.path().join("cwd")).ok();
            let _ = kill_process(pid, Signal::TERM);
        }
    }
    directory
}

#[tokio::test]
async fn an_installed_podman_is_started() {
    let Some(podman) = FindInput::from_environment(None).podman_program else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "podman needed under CI");
        println!("SKIPPED: podman is not installed");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("made/for/it/podman.sock");
    let connected = connect(&[candidate(&podman, &socket)]).await;
    let directory = end(&socket);
    assert_eq!(connected.unwrap().info().kind, EngineKind::Podman);
    // From a deleted directory Podman can no longer start containers.
    assert_eq!(directory, Some(PathBuf::from("/")));
}

#[tokio::test]
async fn a_podman_that_cannot_serve_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let broken = dir.path().join("podman");
    fs::write(&broken, "#!/bin/sh\nexit 3\n").unwrap();
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();
    let connected = connect(&[candidate(&broken, &dir.path().join("sock"))]).await;
    let refused = connected.err().unwrap();
    assert_eq!(refused.kind, EngineErrorKind::NotRunning);
    assert!(refused.message.contains("exit status: 3"), "{refused}");
}
