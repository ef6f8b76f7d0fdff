//! Values that Podman's compatible API cannot represent, or that earlier versions of DevArch passed incorrectly. Podman
//! 4.3 passes fields of a create call to its command-line parsers, which split them at blanks, commas and colons.

use crate::{
    engine::{EngineInfo, EngineKind},
    observed::ObservedContainer,
    spec::{ContainerSpec, Mount, MountFrom, label},
    template::HealthTest,
};

/// How a mount is written for Podman.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountForm {
    /// As a mount, whose fields are separated by commas and quoted as CSV.
    Mount,
    /// As a bind, whose fields are separated by colons.
    Bind,
    /// Neither can hold its paths.
    Impossible,
}

/// The form that holds a mount's paths.
pub fn mount_form(mount: &Mount) -> MountForm {
    let source = match &mount.source {
        MountFrom::Bind(path) => path,
        MountFrom::Volume(_) => "",
    };
    let has = |separators: &[char]| source.contains(separators) || mount.target.contains(separators);
    match (has(&[',', '"', '\n', '\r']), has(&[':'])) {
        (false, _) => MountForm::Mount,
        (true, false) => MountForm::Bind,
        (true, true) => MountForm::Impossible,
    }
}

/// Whether an entrypoint clears the image's without a replacement.
pub fn clears_entrypoint(spec: &ContainerSpec) -> bool {
    spec.entrypoint.as_ref().is_some_and(Vec::is_empty)
}

/// Whether an entrypoint's only argument is parsed as a list, because it is JSON.
pub fn reads_as_list(word: &str) -> bool {
    serde_json::from_str::<Option<Vec<String>>>(word).is_ok()
}

/// Whether a check's arguments change when they are joined and split at blanks.
pub fn splits(argv: &[String]) -> bool {
    argv.iter().any(|word| word.is_empty() || word.contains(char::is_whitespace))
}

/// Fields that cannot be passed to Podman, each with the reason.
pub fn impossible(spec: &ContainerSpec) -> Vec<(&'static str, String)> {
    let mounts = spec.mounts.iter().filter(|mount| mount_form(mount) == MountForm::Impossible);
    let mounts = mounts.map(|mount| {
        let from = match &mount.source {
            MountFrom::Bind(path) => format!("{path:?} at "),
            MountFrom::Volume(_) => String::new(),
        };
        let message = format!(
            "Podman cannot mount {from}{:?}: the two paths may have colons, or else commas, double quotes and line breaks; \
             rename one of them",
            mount.target
        );
        ("volumes", message)
    });
    let tmpfs = spec.tmpfs.iter().filter(|mount| mount.target.contains(':'));
    let tmpfs = tmpfs.map(|mount| {
        (
            "tmpfs",
            format!(
                "Podman cannot mount a tmpfs at {:?}: the path has a colon; use another one",
                mount.target
            ),
        )
    });
    mounts.chain(tmpfs).collect()
}

/// Version of the translation from a spec to a create call, a label of containers that earlier versions would create
/// differently.
pub const CREATE_FORM: &str = "2";

/// The Podman version that no longer takes an empty list for no entrypoint.
const TAKES_EMPTY_ENTRYPOINTS: [u32; 2] = [5, 6];
/// The Podman version that no longer splits the arguments of health checks.
const UNSPLIT_CHECKS: [u32; 2] = [5, 8];
/// Later than all that was seen.
const NONE_YET: [u32; 2] = [u32::MAX, 0];

/// Fields that were passed incorrectly to Podman before that version, before [`CREATE_FORM`].
fn passed_incorrectly(spec: &ContainerSpec) -> Vec<(&'static str, [u32; 2])> {
    let entrypoint = match spec.entrypoint.as_deref() {
        Some([]) => Some(TAKES_EMPTY_ENTRYPOINTS),
        Some([word]) if reads_as_list(word.reveal()) => Some(NONE_YET),
        _ => None,
    };
    let check = match spec.healthcheck.as_ref().map(|check| &check.test) {
        Some(HealthTest::Cmd(argv)) if splits(argv) => Some(UNSPLIT_CHECKS),
        _ => None,
    };
    let bracketed = spec.extra_hosts.values().any(|address| address.starts_with('['));
    let hosts = bracketed.then_some(NONE_YET);
    let fields = [("entrypoint", entrypoint), ("healthcheck.test", check), ("extra_hosts", hosts)];
    fields.into_iter().filter_map(|(field, until)| Some((field, until?))).collect()
}

/// The label of a container that an earlier version of DevArch would have created differently.
pub fn form_label(spec: &ContainerSpec) -> Option<(String, String)> {
    (!passed_incorrectly(spec).is_empty()).then(|| (label::CREATE_FORM.to_owned(), CREATE_FORM.to_owned()))
}

/// The fields in which a container differs from its spec because of an earlier version of DevArch.
pub fn wrong_fields(engine: &EngineInfo, spec: &ContainerSpec, container: &ObservedContainer) -> Vec<String> {
    if engine.kind != EngineKind::Podman || container.label(label::CREATE_FORM).is_some() {
        return Vec::new();
    }
    let wrong = passed_incorrectly(spec).into_iter().filter(|(_, until)| !engine.is_at_least(*until));
    wrong.map(|(field, _)| field.to_owned()).collect()
}

/// Whether a Podman no longer splits the arguments of health checks.
pub fn takes_checks_whole(engine: &EngineInfo) -> bool {
    engine.is_at_least(UNSPLIT_CHECKS)
}
