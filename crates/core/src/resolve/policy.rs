//! What an effective config asks of the host that policy refuses unless the stack allows it.

use crate::{
    policy::Allowance,
    spec::{ContainerSpec, MountFrom},
};

/// Capabilities that give the host, or other stacks' traffic, away (capabilities(7)).
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

/// Host directories whose content, or whose parent's, makes a container the host's master.
const HOST_PATHS: &[&str] = &[
    "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin",
    "/sys", "/usr", "/var", "/var/lib", "/var/run",
];

/// Places in a home that hold keys.
const HOME_PATHS: &[&str] = &["", ".aws", ".config", ".devarch", ".docker", ".gnupg", ".kube", ".ssh"];

/// Files under `/etc` that are harmless to read.
const HARMLESS: &[&str] = &["/etc/localtime", "/etc/timezone"];

/// One thing policy speaks of: what it takes to allow it, the field, and what was asked.
pub(super) struct Asked {
    pub(super) allowance: Allowance,
    pub(super) field: &'static str,
    pub(super) what: String,
}

/// Everything a container asks for that policy refuses by default.
pub(super) fn asked(spec: &ContainerSpec, home: Option<&str>) -> Vec<Asked> {
    let mut asked = Vec::new();
    let mut ask = |allowance, field, what: String| {
        asked.push(Asked { allowance, field, what });
    };
    if spec.privileged {
        ask(Allowance::Privileged, "privileged", "true".to_owned());
    }
    let host = |mode: &Option<String>| mode.as_deref() == Some("host");
    for (mode, allowance, field) in [
        (&spec.network_mode, Allowance::HostNetwork, "network_mode"),
        (&spec.pid, Allowance::HostPid, "pid"),
        (&spec.ipc, Allowance::HostIpc, "ipc"),
    ] {
        if host(mode) {
            ask(allowance, field, "host".to_owned());
        }
    }
    for cap in &spec.cap_add {
        let name = cap.to_ascii_uppercase();
        if DANGEROUS.contains(&name.trim_start_matches("CAP_")) {
            ask(Allowance::Capabilities, "cap_add", cap.clone());
        }
    }
    for device in &spec.devices {
        ask(Allowance::Devices, "devices", device.clone());
    }
    for option in spec.security_opt.iter().filter(|option| unconfined(option)) {
        ask(Allowance::Unconfined, "security_opt", option.clone());
    }
    for mount in &spec.mounts {
        let MountFrom::Bind(path) = &mount.source else {
            continue;
        };
        if let Some(allowance) = host_path_allowance(path, mount.read_only, home) {
            ask(allowance, "volumes", path.clone());
        }
    }
    asked
}

/// What it takes to mount a host path, if it takes anything. The path is absolute; links in it count only once they
/// are resolved.
pub fn host_path_allowance(path: &str, read_only: bool, home: Option<&str>) -> Option<Allowance> {
    if is_engine_socket(path) {
        Some(Allowance::EngineSocket)
    } else if is_host_path(path, home) && !(read_only && HARMLESS.contains(&path)) {
        Some(Allowance::HostPaths)
    } else {
        None
    }
}

fn unconfined(option: &str) -> bool {
    option.contains("unconfined") || option.contains("disable")
}

fn is_engine_socket(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    ["docker.sock", "podman.sock", "containerd.sock", "crio.sock", "buildkitd.sock"].contains(&file)
}

fn is_host_path(path: &str, home: Option<&str>) -> bool {
    let within = |dir: &str| path == dir || path.starts_with(&format!("{dir}/"));
    let keys = home.is_some_and(|home| {
        HOME_PATHS
            .iter()
            .any(|part| if part.is_empty() { path == home } else { within(&format!("{home}/{part}")) })
    });
    let above_home = home.is_some_and(|home| home.starts_with(&format!("{path}/")));
    HOST_PATHS.contains(&path)
        || within("/etc")
        || within("/proc")
        || within("/sys")
        || within("/dev")
        || keys
        || above_home
}
