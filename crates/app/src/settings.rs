//! What the environment and the flags say, read once.

use devarch_core::{engine::EngineKind, subnet::DEFAULT_POOL};
use devarch_engine::{Endpoint, InvalidEndpoint};
use devarch_store::{InvalidUrl, StoreUrl};
use ipnet::Ipv4Net;
use std::{ffi::OsString, path::PathBuf};

/// DevArch's settings; made at the edge, handed down, never global.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `DEVARCH_HOME`, by default `~/.devarch`.
    pub home: PathBuf,
    /// Where the truth is: `DEVARCH_DATABASE_URL`, by default a SQLite file in the home.
    pub database: StoreUrl,
    /// The engine that was asked for: `docker`, `podman` or a URL.
    pub engine: Option<String>,
    /// Where stacks' subnets are taken from: `DEVARCH_ADDRESS_POOL`.
    pub address_pool: Ipv4Net,
    /// The user's home directory.
    pub user_home: Option<String>,
    /// This machine, for host ports in a shared store.
    pub host: String,
}

/// A setting that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSetting {
    /// `DEVARCH_DATABASE_URL`.
    #[error("DEVARCH_DATABASE_URL: {0}")]
    Database(#[from] InvalidUrl),
    /// `DEVARCH_ADDRESS_POOL`.
    #[error(
        "DEVARCH_ADDRESS_POOL: {0:?} is not an IPv4 network such as 10.213.0.0/16, with a prefix of at most 24"
    )]
    Pool(String),
    /// `--engine`, or `DEVARCH_ENGINE` without it.
    #[error("{from}: {reason}")]
    Engine {
        /// Where it was said.
        from: &'static str,
        /// What is wrong with it.
        reason: InvalidEndpoint,
    },
    /// Neither `DEVARCH_HOME` nor `HOME`.
    #[error("neither DEVARCH_HOME nor HOME is set; set DEVARCH_HOME to a directory for DevArch's data")]
    NoHome,
}

impl Settings {
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
            user_home: user_home.map(|home| home.to_string_lossy().into_owned()),
            host: host_identity(),
        })
    }
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

/// The machine's id where the system keeps one, else its name.
fn host_identity() -> String {
    let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let id = id.trim();
    if id.is_empty() {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    } else {
        id.to_owned()
    }
}
