//! Connects to the first candidate endpoint that answers.

use crate::{
    BollardEngine, Candidate, Endpoint, Engine, EngineError, EngineErrorKind as Kind, Way,
    cause::{During, Failure},
    http_transport::{Call, HttpTransport},
    podman_service,
};
use devarch_core::engine::{EngineInfo, EngineKind, Locality};
use hyper::HeaderMap;
use rustix::process::geteuid;
use serde::Deserialize;
use std::{os::unix::fs::MetadataExt as _, path::Path, sync::Arc, time::Duration};

/// Time an engine may take to answer a ping.
const PING: Duration = Duration::from_secs(10);

type Result<T> = std::result::Result<T, EngineError>;

/// How to talk to an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Time limit of a call, after which its outcome is uncertain. A stop may take half of it in addition to its grace
    /// period. Pulls and builds may take as long as they make progress; streams and waits have no limit.
    pub timeout: Duration,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_mins(2) }
    }
}

/// [`connect_with`] default options.
pub async fn connect(candidates: &[Candidate]) -> Result<Arc<dyn Engine>> {
    connect_with(candidates, ConnectOptions::default()).await
}

/// Connects to the first engine that answers and is of the requested kind.
///
/// # Errors
///
/// The most informative failure: an engine that refused access or is too old, rather than an endpoint where nothing
/// listens.
pub async fn connect_with(candidates: &[Candidate], options: ConnectOptions) -> Result<Arc<dyn Engine>> {
    let mut failures = Vec::new();
    for candidate in candidates {
        match reach(candidate, options).await {
            Ok(Some(engine)) => return Ok(engine),
            Ok(None) => {}
            Err(error) => failures.push((candidate, error)),
        }
    }
    Err(most_informative(failures))
}

async fn reach(candidate: &Candidate, options: ConnectOptions) -> Result<Option<Arc<dyn Engine>>> {
    let endpoint = match &candidate.way {
        Way::Dial(address) => address
            .parse::<Endpoint>()
            .map_err(|invalid| EngineError::new(&candidate.because, Kind::Other, invalid.to_string()))?,
        Way::StartPodman { program, socket } => podman_service::start(program, socket).await?,
    };
    let http = HttpTransport::new(endpoint, options.timeout);
    let info = ping(&http).await?;
    if candidate.only.is_some_and(|only| only != info.kind) {
        return Ok(None);
    }
    check_version(&info)?;
    Ok(Some(Arc::new(BollardEngine::new(http, info)?)))
}

fn most_informative(failures: Vec<(&Candidate, EngineError)>) -> EngineError {
    let said_something = |error: &EngineError| error.kind != Kind::NotRunning;
    let tried: Vec<String> = failures
        .iter()
        .map(|(candidate, error)| format!("{} ({}): {}", error.action, candidate.because, error.message))
        .collect();
    match failures.into_iter().find(|(_, error)| said_something(error)) {
        Some((_, error)) => error,
        None if tried.is_empty() => {
            EngineError::new("find an engine", Kind::NotRunning, "no engine of the requested kind is running")
        }
        None => EngineError::new("find an engine", Kind::NotRunning, tried.join("; ")),
    }
}

/// Everything a single ping reveals: it takes 0.5 ms, while `/version` takes 6 ms on Docker and 270 ms on Podman 4.3
/// (both ask their runtimes for versions).
async fn ping(http: &HttpTransport) -> Result<EngineInfo> {
    let action = || format!("connect to {}", http.endpoint());
    let limit = PING.min(http.timeout());
    let answer = http.open_within(limit, Call::get("/_ping")).await.during(action)?;
    let header = |name| text(answer.headers(), name);
    let server = header("server");
    let (kind, version) = match (header("libpod-api-version"), server.strip_prefix("Docker/")) {
        ("", Some(rest)) => (EngineKind::Docker, rest.split(' ').next().unwrap_or_default()),
        ("", None) => {
            let message = format!("neither Docker nor Podman answers there ({server:?})");
            return Err(EngineError::new(action(), Kind::Other, message));
        }
        (libpod, _) => (EngineKind::Podman, libpod),
    };
    let place = location_of(http).await.during(action)?;
    Ok(EngineInfo {
        kind,
        version: version.to_owned(),
        api_version: header("api-version").to_owned(),
        endpoint: http.endpoint().to_string(),
        rootless: place.rootless,
        locality: place.locality,
        runs_health_checks: kind == EngineKind::Docker
            || (place.locality == Locality::Host
                && systemd_runs(Path::new("/run"), place.rootless.then(|| user_of(http.endpoint())))),
        lowest_port: if kind == EngineKind::Podman && place.rootless && place.locality == Locality::Host {
            unprivileged_from()
        } else {
            0
        },
    })
}

/// Podman's timers are systemd's, in `/run`: root's, or those of the user's own manager, which exists only while the
/// user is logged in or lingers.
fn systemd_runs(run: &Path, user: Option<u32>) -> bool {
    match user {
        None => run.join("systemd/system").is_dir(),
        Some(user) => run.join(format!("user/{user}/systemd/private")).exists(),
    }
}

/// The first port that unprivileged processes may listen on (the kernel's ip-sysctl). Docker's rootless mode can be
/// granted lower ports in ways that are not visible here.
fn unprivileged_from() -> u16 {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(1024)
}

/// The user that a rootless engine runs as.
fn user_of(endpoint: &Endpoint) -> u32 {
    endpoint.owner().unwrap_or_else(|| geteuid().as_raw())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

struct Location {
    rootless: bool,
    locality: Locality,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    operating_system: Option<String>,
    security_options: Option<Vec<String>>,
    rootless: Option<bool>,
}

/// The socket's owner and path reveal where the usual engines run; others are asked (5 ms on Docker, 130 ms on Podman).
async fn location_of(http: &HttpTransport) -> std::result::Result<Location, Failure> {
    if let Endpoint::Unix(path) = http.endpoint()
        && let Some(place) = location_of_socket(path)
    {
        return Ok(place);
    }
    let info: Info = http.json(Call::get("/info")).await?;
    let desktop = info.operating_system.as_deref() == Some("Docker Desktop");
    let options = info.security_options.unwrap_or_default();
    Ok(Location {
        rootless: info.rootless.unwrap_or_else(|| options.iter().any(|option| option == "name=rootless")),
        locality: match http.endpoint() {
            endpoint if !endpoint.is_local() => Locality::Remote,
            _ if desktop || !cfg!(target_os = "linux") => Locality::Vm,
            _ => Locality::Host,
        },
    })
}

/// On Linux: a socket of root's under `/run` belongs to a local root daemon, one of the user's under `/run/user` to a
/// rootless one.
fn location_of_socket(path: &Path) -> Option<Location> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let real = path.canonicalize().ok()?;
    let of_root = real.metadata().ok()?.uid() == 0;
    let in_users_dir = real.starts_with("/run/user");
    (real.starts_with("/run") && of_root != in_users_dir)
        .then_some(Location { rootless: in_users_dir, locality: Locality::Host })
}

fn check_version(info: &EngineInfo) -> Result<()> {
    let oldest = match info.kind {
        EngineKind::Docker => [20, 10],
        EngineKind::Podman => [4, 3],
    };
    if info.is_at_least(oldest) {
        return Ok(());
    }
    Err(EngineError::new(
        format!("connect to {}", info.endpoint),
        Kind::TooOld { kind: info.kind, version: info.version.clone() },
        format!(
            "{} {} is too old; DevArch needs {}.{} or newer",
            info.kind, info.version, oldest[0], oldest[1]
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(kind: EngineKind, version: &str) -> Result<()> {
        check_version(&EngineInfo {
            kind,
            version: version.to_owned(),
            api_version: String::new(),
            endpoint: "unix:///e.sock".to_owned(),
            rootless: false,
            locality: Locality::Host,
            runs_health_checks: true,
            lowest_port: 0,
        })
    }

    #[test]
    fn an_engine_that_is_too_old_is_rejected() {
        for new_enough in ["20.10.24+dfsg1", "29.0", "20.10.0-ce"] {
            assert!(version(EngineKind::Docker, new_enough).is_ok(), "{new_enough}");
        }
        assert!(version(EngineKind::Podman, "4.3.1").is_ok());
        assert!(version(EngineKind::Podman, "5.0.0-dev").is_ok());
        let refused = version(EngineKind::Docker, "19.03.15").unwrap_err();
        assert!(matches!(refused.kind, Kind::TooOld { .. }));
        assert!(version(EngineKind::Podman, "4.2.9").is_err());
    }

    #[test]
    fn a_user_without_an_own_systemd_has_no_timers() {
        let run = tempfile::tempdir().unwrap();
        assert!(!systemd_runs(run.path(), None));
        std::fs::create_dir_all(run.path().join("systemd/system")).unwrap();
        assert!(systemd_runs(run.path(), None));
        assert!(!systemd_runs(run.path(), Some(1000)));
        std::fs::create_dir_all(run.path().join("user/1000/systemd")).unwrap();
        std::fs::write(run.path().join("user/1000/systemd/private"), "").unwrap();
        assert!(systemd_runs(run.path(), Some(1000)));
        assert!(!systemd_runs(run.path(), Some(1001)));
    }

    #[tokio::test]
    async fn every_endpoint_is_named_if_nothing_listens() {
        let candidate = |path: &str| Candidate {
            way: Way::Dial(format!("unix://{path}")),
            because: "test".to_owned(),
            only: None,
        };
        let Err(error) = connect(&[candidate("/nowhere/a.sock"), candidate("/nowhere/b.sock")]).await else {
            panic!("nothing listens there");
        };
        assert_eq!(error.kind, Kind::NotRunning);
        assert!(error.message.contains("a.sock") && error.message.contains("b.sock"), "{error}");
    }
}
