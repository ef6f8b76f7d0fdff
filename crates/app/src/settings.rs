//! Settings from the environment and the flags, read once.

use devarch_core::{engine::EngineKind, port::PortRange, subnet::DEFAULT_POOL};
use devarch_engine::{ConnectOptions, Endpoint, InvalidEndpoint};
use devarch_store::{InvalidUrl, StoreUrl};
use ipnet::Ipv4Net;
use std::{ffi::OsString, path::PathBuf, time::Duration};

/// DevArch's settings; created at the edge and passed down, never global.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `DEVARCH_HOME`, by default `~/.devarch`.
    pub home: PathBuf,
    /// The location of the store: `DEVARCH_DATABASE_URL`, by default a SQLite file in the home.
    pub database: StoreUrl,
    /// The requested engine: `docker`, `podman` or a URL.
    pub engine: Option<String>,
    /// The pool of stacks' subnets: `DEVARCH_ADDRESS_POOL`.
    pub address_pool: Ipv4Net,
    /// The range of host ports assigned by DevArch: `DEVARCH_PORTS`, by default 20000-29999.
    pub ports: PortRange,
    /// The time limit of an ordinary engine call: `DEVARCH_ENGINE_TIMEOUT`, in seconds; 120 by default.
    pub engine_timeout: Duration,
    /// The user's home directory.
    pub user_home: Option<String>,
    /// This machine's identity, for host ports in a shared store.
    pub host: String,
    /// This machine's name, for display.
    pub host_name: String,
    /// The user's name, for display.
    pub user: String,
    /// The lifetime of a saved plan: `DEVARCH_PLAN_MINUTES`, by default 15.
    pub plan_lifetime: Duration,
}

/// An invalid setting.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSetting {
    /// An invalid `DEVARCH_DATABASE_URL`.
    #[error("DEVARCH_DATABASE_URL: {0}")]
    Database(#[from] InvalidUrl),
    /// An invalid `DEVARCH_ADDRESS_POOL`.
    #[error(
        "DEVARCH_ADDRESS_POOL: {0:?} is not an IPv4 network such as 10.213.0.0/16, with a prefix of at most 24"
    )]
    Pool(String),
    /// An invalid `DEVARCH_PORTS`.
    #[error("DEVARCH_PORTS: {0:?} is not a range of ports such as 20000-29999, from 1024 on")]
    Ports(String),
    /// An invalid `DEVARCH_PLAN_MINUTES`.
    #[error("DEVARCH_PLAN_MINUTES: {0:?} is not a number of minutes from 1 to 10080")]
    PlanMinutes(String),
    /// An invalid `DEVARCH_ENGINE_TIMEOUT`.
    #[error("DEVARCH_ENGINE_TIMEOUT: {0:?} is not a whole number of seconds, at least 1")]
    EngineTimeout(String),
    /// An invalid `--engine`, or `DEVARCH_ENGINE` without it.
    #[error("{from}: {reason}")]
    Engine {
        /// The flag or variable.
        from: &'static str,
        /// Why it is invalid.
        reason: InvalidEndpoint,
    },
    /// Neither `DEVARCH_HOME` nor `HOME` is set.
    #[error("neither DEVARCH_HOME nor HOME is set; set DEVARCH_HOME to a directory for DevArch's data")]
    NoHome,
}

impl Settings {
    /// Returns the path of the key file for secrets.
    pub fn key_file(&self) -> PathBuf {
        self.home.join("secret.key")
    }

    /// Reads the environment through `variable`; `engine` is the flag.
    pub fn read(
        engine: Option<String>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, InvalidSetting> {
        let user_home = variable("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let home = match variable("DEVARCH_HOME").filter(|home| !home.is_empty()) {
            Some(home) => std::path::absolute(&home).unwrap_or_else(|_| PathBuf::from(home)),
            None => user_home.as_ref().ok_or(InvalidSetting::NoHome)?.join(".devarch"),
        };
        let database = match variable("DEVARCH_DATABASE_URL").filter(|url| !url.is_empty()) {
            Some(url) => url.to_string_lossy().parse()?,
            None => StoreUrl::Sqlite(home.join("devarch.db")),
        };
        let engine_timeout = match variable("DEVARCH_ENGINE_TIMEOUT").filter(|text| !text.is_empty()) {
            Some(text) => seconds(&text.to_string_lossy())?,
            None => ConnectOptions::default().timeout,
        };
        match (&engine, variable("DEVARCH_ENGINE")) {
            (Some(flag), _) => named_engine(flag, "--engine")?,
            (None, Some(name)) if !name.is_empty() => {
                named_engine(&name.to_string_lossy(), "DEVARCH_ENGINE")?;
            }
            (None, _) => {}
        }
        let pool = variable("DEVARCH_ADDRESS_POOL").map(|pool| pool.to_string_lossy().into_owned());
        Ok(Self {
            home,
            database,
            engine,
            address_pool: address_pool(pool.as_deref().unwrap_or(DEFAULT_POOL))?,
            ports: ports(variable("DEVARCH_PORTS"))?,
            engine_timeout,
            user_home: user_home.map(|home| home.to_string_lossy().into_owned()),
            host: host_identity(),
            host_name: host_name(),
            user: user_name(&variable),
            plan_lifetime: plan_lifetime(variable("DEVARCH_PLAN_MINUTES"))?,
        })
    }
}

fn seconds(text: &str) -> Result<Duration, InvalidSetting> {
    let seconds = text.parse::<u32>().ok().filter(|seconds| *seconds > 0);
    let seconds = seconds.ok_or_else(|| InvalidSetting::EngineTimeout(text.to_owned()))?;
    Ok(Duration::from_secs(seconds.into()))
}

fn named_engine(name: &str, from: &'static str) -> Result<(), InvalidSetting> {
    if name.parse::<EngineKind>().is_ok() {
        return Ok(());
    }
    name.parse::<Endpoint>().map(drop).map_err(|reason| InvalidSetting::Engine { from, reason })
}

fn address_pool(text: &str) -> Result<Ipv4Net, InvalidSetting> {
    let pool = text.parse::<Ipv4Net>().ok().filter(|pool| pool.prefix_len() <= 24);
    pool.map(|pool| pool.trunc()).ok_or_else(|| InvalidSetting::Pool(text.to_owned()))
}

fn ports(range: Option<OsString>) -> Result<PortRange, InvalidSetting> {
    let Some(text) = range.filter(|text| !text.is_empty()) else { return Ok(PortRange::default()) };
    let text = text.to_string_lossy().into_owned();
    text.parse().map_err(|()| InvalidSetting::Ports(text))
}

fn plan_lifetime(minutes: Option<OsString>) -> Result<Duration, InvalidSetting> {
    let Some(text) = minutes.filter(|text| !text.is_empty()) else { return Ok(Duration::from_mins(15)) };
    let text = text.to_string_lossy().into_owned();
    let minutes = text.parse::<u64>().ok().filter(|minutes| (1..=7 * 24 * 60).contains(minutes));
    minutes.map(Duration::from_mins).ok_or(InvalidSetting::PlanMinutes(text))
}

/// Returns the user's name from `USER` or `LOGNAME`, else the user id.
fn user_name(variable: &impl Fn(&str) -> Option<OsString>) -> String {
    let named = ["USER", "LOGNAME"].into_iter().filter_map(variable).find(|name| !name.is_empty());
    named.map_or_else(
        || format!("uid {}", rustix::process::getuid().as_raw()),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Returns the machine's id if the system has one, else its name.
fn host_identity() -> String {
    let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let id = id.trim();
    if id.is_empty() { host_name() } else { id.to_owned() }
}
