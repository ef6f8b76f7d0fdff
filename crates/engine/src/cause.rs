//! Maps messages of an engine or the transport to the causes that DevArch distinguishes.
//!
//! Status codes are not enough: Podman 4.3 answers 500 for a taken name, network or port. The phrases below were seen
//! in Docker 20.10.24 and Podman 4.3.1.

use crate::{EngineError, EngineErrorKind as Kind};
use std::{error::Error, io, time::Duration};

/// Why a call gave no result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The engine refused.
    Answered(Answered),
    /// No connection was established, so no request was sent.
    Unreachable(io::ErrorKind, String),
    /// The connection ended or took too long after the call was sent.
    Cut(String),
    /// An answer that could not be read, or a call that could not be written.
    Garbled(String),
}

/// An error response of the engine.
#[derive(Debug)]
pub(crate) struct Answered {
    /// HTTP status.
    pub(crate) status: u16,
    /// Its message.
    pub(crate) message: String,
}

impl Answered {
    /// The cause that the message indicates.
    pub(crate) fn kind(&self) -> Kind {
        kind_of(self)
    }
}

impl Failure {
    pub(crate) fn timed_out(after: Duration) -> Self {
        let seconds = after.as_secs_f32();
        Self::Cut(format!(
            "the engine did not answer within {seconds} s (DEVARCH_ENGINE_TIMEOUT allows more)"
        ))
    }

    /// Whether the object it was about does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Answered(answer) if answer.status == 404)
    }

    /// The error of the call described by `action`.
    pub(crate) fn into_error(self, action: &str) -> EngineError {
        let (kind, message) = match self {
            Self::Answered(answer) => (kind_of(&answer), plain(&answer.message)),
            Self::Unreachable(io::ErrorKind::PermissionDenied, message) => {
                (Kind::PermissionDenied, format!("{message}; {}", permission_hint(action)))
            }
            Self::Unreachable(_, message) => (Kind::NotRunning, message),
            Self::Cut(message) => (Kind::Uncertain, message),
            Self::Garbled(message) => (Kind::Other, message),
        };
        EngineError::new(short_ids(action), kind, message)
    }
}

/// Prefixes that the layers between the engine and the program add to the message that names the cause.
const PREFIXES: [&str; 9] = [
    "failed to create shim task: ",
    "failed to create task for container: ",
    "OCI runtime create failed: ",
    "runc create failed: ",
    "runc: ",
    "crun: ",
    "container_linux.go:380: ",
    "unable to start container process: ",
    "error during container init: ",
];
/// Suffixes that they add, which are redundant or wrong.
const SUFFIXES: [&str; 4] = [
    ": unknown",
    ": OCI runtime error",
    ": OCI permission denied",
    ": OCI runtime attempted to invoke a command that was not found",
];

/// A failed start's message without the names of the layers it passed through.
fn plain(message: &str) -> String {
    let mut inner = message.trim_end();
    while let Some(rest) = PREFIXES.iter().find_map(|wrapping| inner.strip_prefix(wrapping)) {
        inner = rest;
    }
    if inner.len() < message.trim_end().len() {
        inner = SUFFIXES.iter().find_map(|trailer| inner.strip_suffix(trailer)).unwrap_or(inner);
    }
    inner.to_owned()
}

/// Digits of an id that people are shown, as the engines' own programs do.
const SHOWN_OF_ID: usize = 12;

/// A message with the ids of containers and networks shortened.
fn short_ids(words: &str) -> String {
    let is_id = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let short = |word| if is_id(word) { &word[..SHOWN_OF_ID] } else { word };
    words.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

/// How to get access to the engine whose socket was dialled, as far as its path identifies it.
fn permission_hint(action: &str) -> String {
    const DOCKER: &str =
        "for Docker add your user to its group (`sudo usermod -aG docker $USER`, then log in again)";
    const PODMAN: &str = "for Podman run your own service (`systemctl --user enable --now podman.socket`)";
    match (action.contains("docker"), action.contains("podman")) {
        (true, false) => DOCKER.to_owned(),
        (false, true) => PODMAN.to_owned(),
        _ => format!("{DOCKER}, {PODMAN}"),
    }
}

/// Adds the attempted action to a failure.
pub(crate) trait During<T> {
    /// The error of the call described by `action`.
    fn during(self, action: impl FnOnce() -> String) -> Result<T, EngineError>;
}

impl<T, F: Into<Failure>> During<T> for Result<T, F> {
    fn during(self, action: impl FnOnce() -> String) -> Result<T, EngineError> {
        self.map_err(|failure| failure.into().into_error(&action()))
    }
}

impl From<bollard::errors::Error> for Failure {
    fn from(error: bollard::errors::Error) -> Self {
        use bollard::errors::Error as E;
        match error {
            E::DockerResponseServerError { status_code, message } => {
                Self::Answered(Answered { status: status_code, message })
            }
            E::DockerStreamError { error } => Self::Answered(Answered { status: 500, message: error }),
            E::SocketNotFoundError(path) => {
                Self::Unreachable(io::ErrorKind::NotFound, format!("{path}: no such socket"))
            }
            E::HyperLegacyError { err } if err.is_connect() => match io_kind(&err) {
                Some((kind, message)) => Self::Unreachable(kind, message),
                None => Self::Unreachable(io::ErrorKind::Other, err.to_string()),
            },
            E::HyperLegacyError { err } => Self::Cut(err.to_string()),
            E::HyperResponseError { err } => Self::Cut(err.to_string()),
            E::IOError { err } => Self::Cut(err.to_string()),
            E::JsonSerdeError { err } => err.into(),
            other => Self::Garbled(other.to_string()),
        }
    }
}

/// An answer that ends too early was cut off.
impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        if error.is_eof() { Self::Cut(error.to_string()) } else { Self::Garbled(error.to_string()) }
    }
}

fn io_kind(error: &(dyn Error + 'static)) -> Option<(io::ErrorKind, String)> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some((io.kind(), io.to_string()));
        }
        next = error.source();
    }
    None
}

/// Phrases in lower case and what they mean; the first that occurs decides.
const PHRASES: [(&str, Kind); 42] = [
    ("no space left on device", Kind::DiskFull),
    ("disk quota exceeded", Kind::DiskFull),
    ("removal of container", Kind::Uncertain),
    ("no such image", Kind::NoImage),
    ("image not known", Kind::NoImage),
    ("manifest unknown", Kind::NoImage),
    ("pull access denied", Kind::NoImage),
    ("authentication required", Kind::Unauthorized),
    ("no basic auth credentials", Kind::Unauthorized),
    ("unauthorized", Kind::Unauthorized),
    ("incorrect username or password", Kind::Unauthorized),
    ("invalid username/password", Kind::Unauthorized),
    ("port is already allocated", Kind::PortTaken),
    ("bind: address already in use", Kind::PortTaken),
    ("userland proxy", Kind::PortTaken),
    ("address already in use", Kind::AddressTaken),
    ("is already allocated to container", Kind::AddressTaken),
    ("pool overlaps", Kind::SubnetTaken),
    ("overlapping ipv4", Kind::SubnetTaken),
    ("already used on the host or by another", Kind::SubnetTaken),
    // runc 1.1, runc 1.0, crun. Podman appends "a command that was not found" and "OCI permission denied" to every
    // ENOENT and EPERM of a start, including a mount's.
    ("process: exec: \"", Kind::CannotRun),
    ("caused: exec: \"", Kind::CannotRun),
    ("executable file `", Kind::CannotRun),
    ("open executable", Kind::CannotRun),
    ("exec format error", Kind::CannotRun),
    ("no command specified", Kind::CannotRun),
    ("no command or entrypoint provided", Kind::CannotRun),
    ("minimum memory limit allowed", Kind::TooLittleMemory),
    ("unable to set memory limit", Kind::TooLittleMemory),
    ("error setting rlimit", Kind::LimitRefused),
    // A start only: a mounted or copied file replaces a directory, or the reverse.
    ("not a directory", Kind::Misplaced),
    ("has active endpoints", Kind::InUse),
    ("being used", Kind::InUse),
    ("is in use", Kind::InUse),
    ("as it is running", Kind::InUse),
    ("remove a running container", Kind::InUse),
    ("remove a paused container", Kind::InUse),
    ("already in use", Kind::NameTaken),
    ("already exists", Kind::NameTaken),
    ("is not connected to", Kind::NotFound),
    ("network not found", Kind::NotFound),
    ("no such container", Kind::NotFound),
];

fn kind_of(answer: &Answered) -> Kind {
    let message = answer.message.to_lowercase();
    let spoken = PHRASES.iter().find(|(phrase, _)| message.contains(phrase));
    match (spoken, answer.status) {
        (Some((_, kind)), _) => kind.clone(),
        (None, 401) => Kind::Unauthorized,
        (None, 404) => Kind::NotFound,
        // From a proxy between DevArch and the engine that lost the engine's response.
        (None, 502 | 504) => Kind::Uncertain,
        (None, _) => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, message: &str) -> Kind {
        kind_of(&Answered { status, message: message.to_owned() })
    }

    #[test]
    fn only_a_program_that_is_missing_or_cannot_be_run_is_blamed_on_the_command() {
        let of_the_command = [
            "runc: runc create failed: unable to start container process: exec: \"/etc/passwd\": permission denied: OCI permission denied",
            "OCI runtime create failed: container_linux.go:380: starting container process caused: exec: \"x\": executable file not found in $PATH: unknown",
            "crun: executable file `x` not found in $PATH: No such file or directory: OCI runtime attempted to invoke a command that was not found",
            "crun: open executable: Permission denied: OCI permission denied",
            "exec /run.sh: exec format error",
            "No command specified",
            "no command or entrypoint provided, and no CMD or ENTRYPOINT from image",
        ];
        for message in of_the_command {
            assert_eq!(kind(500, message), Kind::CannotRun, "{message}");
        }
        let of_something_else = [
            "runc: runc create failed: unable to start container process: error during container init: error mounting \"tmpfs\" to rootfs at \"/proc/x\": mkdir /proc/x: no such file or directory: OCI runtime attempted to invoke a command that was not found",
            "failed to create shim task: OCI runtime create failed: unable to retrieve OCI runtime error: exec: \"runc\": executable file not found in $PATH: unknown",
            "unable to find user nosuch: no matching entries in passwd file",
        ];
        for message in of_something_else {
            assert_eq!(kind(500, message), Kind::Other, "{message}");
        }
    }

    #[test]
    fn a_failed_start_is_reported_without_the_layers_it_passed_through() {
        let reported = |message: &str| {
            let failure = Failure::Answered(Answered { status: 500, message: message.to_owned() });
            failure.into_error(&format!("start container {}", "0123456789abcdef".repeat(4))).to_string()
        };
        let docker = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"x\": executable file not found in $PATH: unknown";
        let podman = "runc: runc create failed: unable to start container process: exec: \"x\": executable file not found in $PATH: OCI runtime attempted to invoke a command that was not found";
        for message in [docker, podman] {
            assert_eq!(
                reported(message),
                "start container 0123456789ab: exec: \"x\": executable file not found in $PATH"
            );
        }
        assert_eq!(reported("image x: unknown"), "start container 0123456789ab: image x: unknown");
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn messages_of_both_engines_map_to_the_same_cause() {
        let seen = [
            (
                409,
                "Conflict. The container name \"/a\" is already in use by container \"4e\". You have to remove (or rename) that container to be able to reuse that name.",
                Kind::NameTaken,
            ),
            (
                500,
                "container create: creating container storage: the container name \"a\" is already in use by 6e. You have to remove that container to be able to reuse that name: that name is already in use",
                Kind::NameTaken,
            ),
            (
                409,
                "renaming container 2: name a already in use, cannot rename container 2: container already exists",
                Kind::NameTaken,
            ),
            (409, "network with name n already exists", Kind::NameTaken),
            (500, "network name n already used: network already exists", Kind::NameTaken),
            (403, "Pool overlaps with other one on this address space", Kind::SubnetTaken),
            (500, "subnet 10.9.0.0/26 is already used on the host or by another config", Kind::SubnetTaken),
            (403, "Address already in use", Kind::AddressTaken),
            (
                500,
                "IPAM error: requested ip address 10.9.0.9 is already allocated to container ID 33",
                Kind::AddressTaken,
            ),
            (
                500,
                "driver failed programming external connectivity on endpoint a (1): Bind for 127.0.0.1:80 failed: port is already allocated",
                Kind::PortTaken,
            ),
            (500, "rootlessport listen tcp 127.0.0.1:80: bind: address already in use", Kind::PortTaken),
            (404, "No such image: nosuch:1", Kind::NoImage),
            (404, "no such image: docker.io/library/nosuch:1: image not known", Kind::NoImage),
            (
                400,
                "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/no/such\": stat /no/such: no such file or directory: unknown",
                Kind::CannotRun,
            ),
            (
                500,
                "runc: runc create failed: unable to start container process: exec: \"/no/such\": stat /no/such: no such file or directory: OCI runtime attempted to invoke a command that was not found",
                Kind::CannotRun,
            ),
            (403, "error while removing network: network n id 1 has active endpoints", Kind::InUse),
            (
                500,
                "\"n\" has associated containers with it. Use -f to forcibly delete containers and pods: network is being used",
                Kind::InUse,
            ),
            (
                409,
                "You cannot remove a running container 0d. Stop the container before attempting removal or force remove",
                Kind::InUse,
            ),
            (
                500,
                "cannot remove container 33 as it is running - running or paused containers cannot be removed without force: container state improper",
                Kind::InUse,
            ),
            (409, "remove v: volume is in use - [4e]", Kind::InUse),
            (
                409,
                "volume v is being used by the following container(s): 6e: volume is being used",
                Kind::InUse,
            ),
            (500, "unable to find network with name or ID n: network not found", Kind::NotFound),
            (500, "write /var/lib/docker/tmp/x: no space left on device", Kind::DiskFull),
            (400, "Minimum memory limit allowed is 6MB", Kind::TooLittleMemory),
            (
                500,
                "runc: runc create failed: unable to start container process: error during container init: error setting rlimits for ready process: error setting rlimit type 6: operation not permitted: OCI permission denied",
                Kind::LimitRefused,
            ),
            (
                500,
                "runc: runc create failed: unable to start container process: error during container init: error setting cgroup config for procHooks process: unable to set memory limit to 1048576 (current usage: 2596864, peak usage: 2744320): OCI runtime error",
                Kind::TooLittleMemory,
            ),
            (500, "creating /etc/mtab symlink: not a directory", Kind::Misplaced),
            (
                500,
                "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting \"/etc\" to rootfs at \"/etc/hostname\": not a directory: unknown",
                Kind::Misplaced,
            ),
            (500, "something else", Kind::Other),
        ];
        for (status, message, want) in seen {
            assert_eq!(kind(status, message), want, "{message}");
        }
    }
}
