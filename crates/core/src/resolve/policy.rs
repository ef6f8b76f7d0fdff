//! Requests of an effective config that policy refuses unless the stack allows them.

use super::{Access, HostView, Judgement};
use crate::{
    name::InstanceName,
    policy::Allowance,
    spec::{ContainerSpec, Mount, MountFrom},
};
use serde::Serialize;
use std::fmt;

/// Capabilities that expose the host or other stacks' traffic (capabilities(7)).
const DANGEROUS: &[&str] = &[
    "ALL",
    "AUDIT_CONTROL",
    "BPF",
    "DAC_READ_SEARCH",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "NET_ADMIN",
    "PERFMON",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_MODULE",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_TIME",
    "SYSLOG",
];

/// `SELinux` types that confine a container.
const CONFINED_TYPES: &[&str] = &["container_t", "container_init_t", "container_kvm_t"];

/// One request that policy refuses: the allowance it needs, the field, and the requested value.
pub(super) struct Asked {
    pub(super) allowance: Allowance,
    pub(super) field: String,
    pub(super) what: String,
    /// Whether it was applied before it was refused, and has not changed since.
    pub(super) applied: bool,
}

impl Asked {
    fn new(allowance: Allowance, field: impl Into<String>, what: impl Into<String>) -> Self {
        Self { allowance, field: field.into(), what: what.into(), applied: false }
    }
}

/// A host resource outside the project that a container can access.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct HostUse {
    /// The kind of use.
    pub kind: HostUseKind,
    /// The path as written.
    pub path: String,
    /// The resolved path, if symbolic links lead elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real: Option<String>,
    /// The path in the container.
    pub target: String,
    /// Whether the container can write to it.
    pub writable: bool,
}

/// The use of a host path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HostUseKind {
    /// Mounted into the container.
    Bind,
    /// Read, and its content copied into the container.
    File,
}

impl fmt::Display for HostUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            HostUseKind::Bind => "bind",
            HostUseKind::File => "file",
        };
        write!(f, "{kind} {} -> {}", self.path, self.target)?;
        if let Some(real) = &self.real {
            write!(f, " (is {real})")?;
        }
        if self.kind == HostUseKind::Bind && !self.writable { f.write_str(" (read-only)") } else { Ok(()) }
    }
}

/// The instance whose host paths are judged, and the facts about this machine.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) name: &'a InstanceName,
    pub(crate) project: Option<&'a str>,
    pub(crate) view: &'a HostView,
}

/// Returns everything a container requests that policy refuses by default.
pub(super) fn asked(spec: &ContainerSpec, place: Place<'_>) -> Vec<Asked> {
    let mut asked = Vec::new();
    if spec.privileged {
        asked.push(Asked::new(Allowance::Privileged, "privileged", "true"));
    }
    let host = |mode: &Option<String>| mode.as_deref() == Some("host");
    for (mode, allowance, field) in [
        (&spec.network_mode, Allowance::HostNetwork, "network_mode"),
        (&spec.pid, Allowance::HostPid, "pid"),
        (&spec.ipc, Allowance::HostIpc, "ipc"),
    ] {
        if host(mode) {
            asked.push(Asked::new(allowance, field, "host"));
        }
    }
    for cap in &spec.cap_add {
        let name = cap.to_ascii_uppercase();
        if DANGEROUS.contains(&name.trim_start_matches("CAP_")) {
            asked.push(Asked::new(Allowance::Capabilities, "cap_add", cap));
        }
    }
    for device in &spec.devices {
        asked.push(Asked::new(Allowance::Devices, "devices", device));
        let path = device.split(':').next().unwrap_or(device);
        if let Judgement::Refused(Allowance::EngineSocket, why) =
            place.view.judge(path, Access::Write, place.project)
        {
            asked.push(Asked::new(Allowance::EngineSocket, "devices", refused(path, why, place)));
        }
    }
    for option in spec.security_opt.iter().filter(|option| unconfined(option)) {
        asked.push(Asked::new(Allowance::Unconfined, "security_opt", option));
    }
    asked.extend(binds(spec, place));
    asked.extend(files(place));
    asked
}

fn binds(spec: &ContainerSpec, place: Place<'_>) -> Vec<Asked> {
    let mounts = spec.mounts.iter().filter_map(|mount| match &mount.source {
        MountFrom::Bind(path) => Some((path, mount)),
        MountFrom::Volume(_) => None,
    });
    let mounts: Vec<(&String, &Mount)> = mounts.collect();
    let all = mounts.iter().map(|(path, mount)| ((*path).clone(), mount.read_only)).collect();
    let applied = place.view.applied.get(place.name) == Some(&all);
    let judged = mounts.into_iter().filter_map(|(path, mount)| {
        let access = if mount.read_only { Access::Read } else { Access::Write };
        let Judgement::Refused(allowance, why) = place.view.judge(path, access, place.project) else {
            return None;
        };
        let applied = applied && !place.view.withdrawn.contains(&allowance);
        let asked = Asked::new(allowance, format!("volumes.{}", mount.target), refused(path, why, place));
        Some(Asked { applied, ..asked })
    });
    judged.collect()
}

/// Returns config files read from paths that policy refuses.
pub(super) fn files(place: Place<'_>) -> Vec<Asked> {
    let files = place.view.files.get(place.name).into_iter().flatten();
    let judged = files.filter_map(|(target, file)| {
        let Judgement::Refused(allowance, why) = place.view.judge(&file.path, Access::Read, place.project)
        else {
            return None;
        };
        let applied = file.kept && !place.view.withdrawn.contains(&allowance);
        let asked = Asked::new(allowance, format!("config_files.{target}"), refused(&file.path, why, place));
        Some(Asked { applied, ..asked })
    });
    judged.collect()
}

/// Returns the host resources outside the project that a container can access.
pub(crate) fn outside(spec: &ContainerSpec, place: Place<'_>) -> Vec<HostUse> {
    let binds = spec.mounts.iter().filter_map(|mount| match &mount.source {
        MountFrom::Bind(path) => Some((HostUseKind::Bind, path, &mount.target, !mount.read_only)),
        MountFrom::Volume(_) => None,
    });
    let files = place.view.files.get(place.name).into_iter().flatten();
    let files = files.map(|(target, file)| (HostUseKind::File, &file.path, target, false));
    let uses = binds.chain(files).filter_map(|(kind, path, target, writable)| {
        let access = if writable { Access::Write } else { Access::Read };
        if place.view.judge(path, access, place.project) == Judgement::Inside {
            return None;
        }
        let resolved = place.view.resolved(path);
        let real = (resolved != path).then(|| resolved.to_owned());
        Some(HostUse { kind, path: path.clone(), real, target: target.clone(), writable })
    });
    uses.collect()
}

/// Describes a refused path, the path it resolves to if another, and the reason.
fn refused(path: &str, why: &str, place: Place<'_>) -> String {
    let resolved = place.view.resolved(path);
    if resolved == path { format!("{path} ({why})") } else { format!("{path}, which is {resolved} ({why}),") }
}

/// Whether an option disables confinement in whole or in part (`seccomp`, `apparmor`, `SELinux`, masked paths of
/// `/proc`).
fn unconfined(option: &str) -> bool {
    let option = option.to_ascii_lowercase();
    let kind = option.strip_prefix("label").map(|rest| rest.trim_start_matches([':', '=']));
    let other_type = kind
        .and_then(|label| label.strip_prefix("type:"))
        .is_some_and(|kind| !CONFINED_TYPES.contains(&kind));
    other_type || option.starts_with("unmask") || option.contains("unconfined") || option.contains("disable")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_options_that_disable_confinement_are_recognized() {
        for option in [
            "label=type:spc_t",
            "label:type:spc_t",
            "label=disable",
            "label:disable",
            "seccomp=unconfined",
            "apparmor:unconfined",
            "systempaths=unconfined",
            "label=type:unconfined_t",
            "unmask=ALL",
        ] {
            assert!(unconfined(option), "{option}");
        }
        for option in ["label=type:container_t", "label=level:s0:c1", "no-new-privileges", "label=user:x"] {
            assert!(!unconfined(option), "{option}");
        }
    }
}
