//! Checks whether Podman's name server works: it exits because of a registered network that no longer exists. A
//! rootless Podman 4.3 leaves such a network behind after a start failed because of a port.

use crate::usecase::doctor::{Check, Verdict};
use devarch_core::{
    engine::{EngineInfo, EngineKind, Locality},
    observed::{ObservedContainer, RunState},
};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Returns a check if there is a problem.
pub(crate) fn names(engine: &EngineInfo, containers: &[ObservedContainer]) -> Option<Check> {
    let running = containers.iter().filter(|container| container.state == RunState::Running);
    let used = running.flat_map(|container| container.networks.keys().map(String::as_str)).collect();
    let directory = directory(engine)?;
    let dead = dead(&directory, &used);
    if dead.is_empty() {
        return None;
    }
    let files: Vec<String> = dead.iter().map(|name| directory.join(name).display().to_string()).collect();
    let found = format!(
        "podman's name server knows of {}, where nothing runs, and may end over it: no container finds names then",
        dead.join(", ")
    );
    let mend = format!("rm {}, then restart one container", files.join(" "));
    Some(Check::new("names", Verdict::Warn, found).mend(mend))
}

/// Returns the directory in which netavark keeps the name server's networks, for an engine on this machine.
fn directory(engine: &EngineInfo) -> Option<PathBuf> {
    if engine.kind != EngineKind::Podman || engine.locality != Locality::Host {
        return None;
    }
    // A user's socket is RUN/podman/podman.sock.
    let run = if engine.rootless {
        Path::new(engine.endpoint.strip_prefix("unix://")?).ancestors().nth(2)?
    } else {
        Path::new("/run")
    };
    Some(run.join("containers/networks/aardvark-dns"))
}

/// Returns networks that have a file there, and no running container.
fn dead(directory: &Path, used: &BTreeSet<&str>) -> Vec<String> {
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    // Later versions mark internal networks: `NAME%int`.
    let network = |file: &str| file.split_once('%').map_or(file, |(name, _)| name).to_owned();
    let mut dead: Vec<String> =
        names.filter(|file| file != "aardvark.pid" && !used.contains(network(file).as_str())).collect();
    dead.sort();
    dead
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_without_running_containers_is_reported() {
        let directory = tempfile::tempdir().unwrap();
        for file in ["aardvark.pid", "devarch-shop-net", "inside%int", "devarch-bad-net"] {
            fs::write(directory.path().join(file), "").unwrap();
        }
        let used = BTreeSet::from(["devarch-shop-net", "inside"]);
        assert_eq!(dead(directory.path(), &used), ["devarch-bad-net"]);
        assert!(dead(&directory.path().join("absent"), &used).is_empty());
    }
}
