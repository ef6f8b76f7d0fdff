//! The host paths a stack uses: links resolved, and engines' sockets recognised by what they are, not by their names.
//! The rule itself is core's.

use crate::{Context, HostFiles, Settings};
use devarch_core::{
    desired::effective,
    resolve::{Effective, HostView, RealKind, RealPath, absolute_path},
    stack::Stack,
    template::{Dockerfile, MountSource},
};
use devarch_engine::{Candidate, Endpoint, Way, candidates};
use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

/// Files that only a DevArch home has together.
const HOME_FILES: [&str; 2] = ["secret.key", "devarch.db"];

/// Examines the paths of a stack's instances, and the files their config files are read from.
pub(crate) fn view_host(ctx: &Context, stack: &Stack, files: &HostFiles) -> HostView {
    let home = ctx.settings.user_home.as_deref();
    let configs = effective(stack);
    let paths = configs.values().flat_map(|config| host_paths(config, stack.project.as_deref(), home));
    let files = files.values().flat_map(BTreeMap::values).map(|file| file.path.clone());
    let paths = paths.chain(files);
    let binding = stack.engine.as_ref().map(|binding| binding.endpoint.as_str());
    let sockets = sockets(ctx, &ctx.settings, binding);
    HostView {
        real: paths.map(|path| (path.clone(), real(Path::new(&path), &sockets))).collect(),
        sockets: sockets.iter().map(|socket| socket.path.clone()).collect(),
        ..own_places(&ctx.settings)
    }
}

/// Returns the homes of the user and of this DevArch: what is known without looking for engines.
pub fn own_places(settings: &Settings) -> HostView {
    HostView {
        homes: settings.user_home.iter().flat_map(|home| names(Path::new(home))).collect(),
        devarch_homes: names(&settings.home),
        ..HostView::default()
    }
}

/// Returns the absolute host paths an instance uses: bind mounts, build context, devices.
fn host_paths(config: &Effective, project: Option<&str>, home: Option<&str>) -> Vec<String> {
    let service = &config.service;
    let absolute = |path: &str| absolute_path(path, project, home);
    let binds = service.volumes.iter().flatten().filter_map(|mount| match &mount.source {
        MountSource::Bind(path) => Some(absolute(path)),
        MountSource::Volume(_) => None,
    });
    let devices = service.devices.iter().flatten().filter_map(|device| device.split(':').next());
    let devices = devices.filter(|path| path.starts_with('/')).map(absolute);
    let built = service.build.iter().flat_map(|build| {
        let context = absolute(&build.context);
        let dockerfile = match build.dockerfile.clone().unwrap_or_default() {
            Dockerfile::Path(path) => Some(absolute_path(&path, Some(&context), None)),
            Dockerfile::Inline(_) => None,
        };
        [Some(context), dockerfile].into_iter().flatten()
    });
    binds.chain(devices).chain(built).collect()
}

/// An engine's socket.
struct Socket {
    path: String,
    id: Option<(u64, u64)>,
}

/// Returns the sockets of all engines that the environment and the stack name, and those at the usual paths.
fn sockets(ctx: &Context, settings: &Settings, endpoint: Option<&str>) -> Vec<Socket> {
    let said = ctx.engines.said();
    let named = [settings.engine.clone(), endpoint.map(str::to_owned)].into_iter().flatten();
    let usual = ["docker", "podman"].map(|kind| {
        let mut input = said.clone();
        (input.flag, input.devarch_engine) = (None, Some(kind.to_owned()));
        candidates(&input)
    });
    let all = candidates(&said).into_iter().chain(usual.into_iter().flatten()).filter_map(place);
    let paths: BTreeSet<PathBuf> = all.chain(named.filter_map(|name| socket_path(&name))).collect();
    paths.iter().map(|path| socket(path)).collect()
}

fn place(candidate: Candidate) -> Option<PathBuf> {
    match candidate.way {
        Way::Dial(address) => socket_path(&address),
        Way::StartPodman { socket, .. } => Some(socket),
    }
}

fn socket_path(address: &str) -> Option<PathBuf> {
    match address.parse() {
        Ok(Endpoint::Unix(path)) => Some(path),
        _ => None,
    }
}

fn socket(path: &Path) -> Socket {
    let id = path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()));
    Socket { path: resolved(path).to_string_lossy().into_owned(), id }
}

/// Returns a directory's path as given, and with its links resolved.
fn names(directory: &Path) -> Vec<String> {
    let names = [directory.to_owned(), resolved(directory)];
    names.into_iter().map(|name| name.to_string_lossy().into_owned()).collect()
}

/// Classifies a path.
fn real(path: &Path, sockets: &[Socket]) -> RealPath {
    let resolved = resolved(path);
    let metadata = resolved.metadata().ok();
    let id = metadata
        .filter(|metadata| metadata.file_type().is_socket())
        .map(|metadata| (metadata.dev(), metadata.ino()));
    let kind = if id.is_some() && sockets.iter().any(|socket| socket.id == id) {
        RealKind::EngineSocket
    } else if resolved.ancestors().any(|dir| HOME_FILES.iter().all(|name| dir.join(name).is_file())) {
        RealKind::DevarchHome
    } else {
        RealKind::Ordinary
    };
    RealPath { path: resolved.to_string_lossy().into_owned(), kind }
}

/// Resolves a path's links, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|dir| Some((dir, dir.canonicalize().ok()?)));
    match there {
        Some((dir, real)) => match path.strip_prefix(dir) {
            Ok(rest) if rest.as_os_str().is_empty() => real,
            Ok(rest) => real.join(rest),
            Err(_) => real,
        },
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::symlink, os::unix::net::UnixListener};

    #[test]
    fn links_sockets_and_homes_are_recognised_by_what_they_are() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().canonicalize().unwrap().join(name);
        fs::create_dir_all(at("home/locks")).unwrap();
        for name in HOME_FILES {
            fs::write(at("home").join(name), "").unwrap();
        }
        let _engine = UnixListener::bind(at("api")).unwrap();
        let _other = UnixListener::bind(at("other")).unwrap();
        fs::hard_link(at("api"), at("renamed")).unwrap();
        symlink(at("api"), at("link")).unwrap();
        symlink(at("nowhere"), at("dangling")).unwrap();
        symlink(at("home"), at("linked-home")).unwrap();
        let sockets = [socket(&at("link"))];
        let kind = |name: &str| real(&at(name), &sockets).kind;
        for name in ["api", "renamed", "link"] {
            assert_eq!(kind(name), RealKind::EngineSocket, "{name}");
        }
        for name in ["home", "home/locks", "linked-home/locks/x", "linked-home/secret.key"] {
            assert_eq!(kind(name), RealKind::DevarchHome, "{name}");
        }
        for name in ["other", ".", "missing/x", "dangling"] {
            assert_eq!(kind(name), RealKind::Ordinary, "{name}");
        }
        assert_eq!(real(&at("linked-home/new/x"), &[]).path, at("home/new/x").to_string_lossy());
    }
}
