//! Works around Podman's compatible create call, which passes fields on to its command-line parsers, where they are
//! split again. Here they are quoted so that the result is what was requested.

use bollard::models::{ContainerCreateBody, HealthConfig, Mount, MountType};
use devarch_core::{
    podman::{self, MountForm},
    spec::{ContainerSpec, Mount as SpecMount, MountFrom},
    template::HealthTest,
};

/// Adapts a create call's body for Podman. `image_command` is the image's default command.
pub(super) fn adapt(
    body: &mut ContainerCreateBody,
    spec: &ContainerSpec,
    image_command: Option<Vec<String>>,
) {
    body.entrypoint = body.entrypoint.take().map(entrypoint);
    if podman::clears_entrypoint(spec) && body.cmd.as_ref().is_none_or(Vec::is_empty) {
        body.cmd = image_command;
    }
    if let Some(host) = &mut body.host_config {
        let (binds, mounts): (Vec<&SpecMount>, Vec<&SpecMount>) =
            spec.mounts.iter().partition(|mount| podman::mount_form(mount) == MountForm::Bind);
        host.binds = Some(binds.into_iter().map(bind).collect());
        host.mounts = Some(mounts.into_iter().map(mount).collect());
    }
}

/// An empty entrypoint only clears the image's if it is an empty string. A single argument is parsed as a list if it is
/// JSON.
fn entrypoint(words: Vec<String>) -> Vec<String> {
    match words.as_slice() {
        [] => vec![String::new()],
        [word] if podman::reads_as_list(word) => vec![json(&words)],
        _ => words,
    }
}

/// In `Binds`, colons separate fields, and commas only options after the second colon.
fn bind(mount: &SpecMount) -> String {
    let access = if mount.read_only { "ro" } else { "rw" };
    format!("{}:{}:{access}", source(mount), mount.target)
}

fn mount(mount: &SpecMount) -> Mount {
    Mount {
        target: Some(mount.target.clone()),
        source: Some(source(mount).to_owned()),
        typ: Some(match mount.source {
            MountFrom::Volume(_) => MountType::VOLUME,
            MountFrom::Bind(_) => MountType::BIND,
        }),
        read_only: Some(mount.read_only),
        ..Mount::default()
    }
}

fn source(mount: &SpecMount) -> &str {
    match &mount.source {
        MountFrom::Volume(name) => name.as_str(),
        MountFrom::Bind(path) => path,
    }
}

/// The arguments of a health check that Podman before 6 would split at blanks.
pub(super) fn split_check(spec: &ContainerSpec) -> Option<&[String]> {
    match spec.healthcheck.as_ref().map(|check| &check.test) {
        Some(HealthTest::Cmd(argv)) if podman::splits(argv) => Some(argv),
        _ => None,
    }
}

/// The same check as one argument, the JSON text of the list, which such a Podman takes as a whole.
pub(super) fn as_one_word(check: &HealthConfig, argv: &[String]) -> HealthConfig {
    HealthConfig { test: Some(vec![json(argv)]), ..check.clone() }
}

fn json(words: &[String]) -> String {
    serde_json::Value::from(words.to_vec()).to_string()
}
