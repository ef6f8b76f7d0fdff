//! Checks the machine DevArch runs on, and how to fix problems. Nothing is changed and no engine is started.

mod names;
mod objects;

use crate::{
    Context, Environment, Leftover, OperationError, Settings,
    error::SecretError,
    usecase::{adopt::leftovers, doctor::objects::Objects},
};
use devarch_core::{
    engine::{EngineKind, Locality},
    environment::{Clock, Host},
    observed::{ObservedContainer, ObservedNetwork},
    subnet::{LONGEST_PREFIX, overlap},
};
use devarch_engine::{
    Candidate, ConnectOptions, Engine, EngineErrorKind, Engines, FindInput, Way, candidates,
};
use devarch_store::{CannotOpen, StoreUrl};
use futures_util::future::join_all;
use ipnet::Ipv4Net;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// The verdict.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// How to fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// The verdict of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Fine.
    Ok,
    /// It works, but may fail soon.
    Warn,
    /// It does not work.
    Fail,
}

impl Check {
    fn new(name: impl Into<String>, verdict: Verdict, found: impl Into<String>) -> Self {
        Self { name: name.into(), verdict, found: found.into(), mend: None }
    }

    fn mend(self, mend: impl Into<String>) -> Self {
        Self { mend: Some(mend.into()), ..self }
    }
}

/// The amounts of free space below which a check warns and fails.
const LITTLE: u64 = 2 << 30;
const NONE: u64 = 100 << 20;

/// The earliest plausible date of a clock, in days since 1970: this program did not exist before 2025.
const EARLIEST_DAY: u64 = 20_089;

/// Runs all checks.
#[tracing::instrument(level = "info", skip_all)]
pub async fn doctor(settings: &Settings, around: &Environment) -> Vec<Check> {
    let mut checks = vec![home(&settings.home)];
    checks.extend(open_to_others(&settings.home));
    let ctx = Context::open(settings.clone(), around.clone()).await;
    checks.push(match &ctx {
        Ok(_) => Check::new("store", Verdict::Ok, place(&settings.database)),
        Err(error) => Check::new("store", Verdict::Fail, error.to_string())
            .mend(mend(error, "make the database reachable, or set DEVARCH_DATABASE_URL")),
    });
    if let Ok(ctx) = &ctx {
        checks.push(key(ctx));
    }
    let (engines, found) = engines(settings, around.engines.as_ref()).await;
    checks.extend(found);
    checks.extend(disks(settings, &engines));
    if let Ok(ctx) = &ctx {
        checks.push(other_homes(ctx, &engines).await);
    }
    let seen = join_all(engines.iter().map(look)).await;
    let looked = engines.iter().zip(&seen);
    checks.extend(looked.filter_map(|(engine, seen)| names::names(engine.info(), &seen.containers)));
    let networks: Vec<ObservedNetwork> = seen.iter().flat_map(|seen| seen.networks.clone()).collect();
    checks.push(addresses(settings, around.host.as_ref(), &networks));
    if let Ok(ctx) = &ctx {
        let objects = objects::judge(ctx, &seen).await;
        checks.push(objects.unremembered());
        checks.push(ports(ctx, &objects).await);
    }
    checks.push(clock(settings, around.clock.as_ref()));
    checks
}

/// Returns an error's own hint, else a general one.
fn mend(error: &OperationError, otherwise: &str) -> String {
    error.hints().into_iter().next().unwrap_or_else(|| otherwise.to_owned())
}

fn place(database: &StoreUrl) -> String {
    match database {
        StoreUrl::Sqlite(path) => path.display().to_string(),
        StoreUrl::Postgres(_) => "PostgreSQL answers".to_owned(),
    }
}

fn home(home: &Path) -> Check {
    let shown = home.display();
    let Ok(metadata) = home.metadata() else {
        return Check::new("home", Verdict::Ok, format!("{shown} will be created when it is needed"));
    };
    let mode = metadata.permissions().mode() & 0o777;
    let writable = rustix::fs::access(home, rustix::fs::Access::WRITE_OK).is_ok();
    if !writable {
        return Check::new("home", Verdict::Fail, format!("{shown} cannot be written to"))
            .mend(format!("make {shown} yours, or set DEVARCH_HOME to another directory"));
    }
    if mode & 0o077 != 0 {
        return Check::new("home", Verdict::Warn, format!("{shown} is open to others (mode {mode:o})"))
            .mend(format!("chmod 700 {shown}"));
    }
    Check::new("home", Verdict::Ok, format!("{shown}, mode {mode:o}"))
}

/// How many files under the home are listed that other users may read or write; the search covers all levels.
const TOLD: usize = 5;
/// How many files are checked.
const LOOKED_AT: usize = 10_000;

fn open_to_others(home: &Path) -> Option<Check> {
    let mut found = Vec::new();
    let mut directories = vec![home.to_owned()];
    let mut looked_at = 0;
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            looked_at += 1;
            let Ok(metadata) = entry.path().symlink_metadata() else { continue };
            if metadata.is_dir() {
                directories.push(entry.path());
            } else if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
                found.push(entry.path().display().to_string());
            }
        }
        if looked_at > LOOKED_AT {
            break;
        }
    }
    if found.is_empty() {
        return None;
    }
    found.sort();
    let more = found.len().saturating_sub(TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    found.truncate(TOLD);
    let files = found.join(", ");
    let check = Check::new("files", Verdict::Warn, format!("{files}{more} can be read by others"));
    Some(check.mend(format!("chmod -R go-rwx {}", home.display())))
}

/// Checks the key of the secrets by decrypting the store's own.
fn key(ctx: &Context) -> Check {
    let file = ctx.settings().key_file();
    match ctx.hash_key() {
        Ok(_) => Check::new("key", Verdict::Ok, format!("{} opens the store's secrets", file.display())),
        // The file exists; its location or its permissions have to be fixed.
        Err(error @ OperationError::Secret(SecretError::Locked(CannotOpen::KeyFile(_)))) => {
            Check::new("key", Verdict::Fail, error.to_string()).mend(mend(&error, "restore the file"))
        }
        Err(error) => Check::new("key", Verdict::Fail, error.to_string()).mend(format!(
            "bring the key back into {}: from a backup, or with `devarch secret key import FILE`; if there is no copy of it, \
             `devarch secret key reset`",
            file.display()
        )),
    }
}

/// Checks every place where an engine might be.
async fn engines(settings: &Settings, reachable: &dyn Engines) -> (Vec<Arc<dyn Engine>>, Vec<Check>) {
    let places = candidates(&FindInput { flag: settings.engine.clone(), ..reachable.said() });
    let options = ConnectOptions { timeout: settings.engine_timeout };
    let mut engines = Vec::new();
    let mut checks = Vec::new();
    let mut quiet = Vec::new();
    for place in &places {
        match &place.way {
            Way::StartPodman { program, .. } => {
                let podman =
                    engines.iter().any(|engine: &Arc<dyn Engine>| engine.info().kind == EngineKind::Podman);
                if !podman {
                    let found = format!(
                        "{} is installed; its service is started when it is needed",
                        program.display()
                    );
                    checks.push(Check::new("engine", Verdict::Ok, found));
                }
            }
            Way::Dial(address) => match reachable.connect(std::slice::from_ref(place), options).await {
                Ok(engine) => {
                    checks.push(reached(engine.as_ref()));
                    engines.push(engine);
                }
                Err(error) if error.kind == EngineErrorKind::NotRunning => quiet.push(address.clone()),
                Err(error) => checks.push(unusable(place, &error)),
            },
        }
    }
    if checks.is_empty() {
        let found = format!("none answers; tried {}", quiet.join(", "));
        let mend =
            "start Docker (`sudo systemctl start docker`) or install Podman, or name one with --engine";
        checks.push(Check::new("engine", Verdict::Fail, found).mend(mend));
    } else if !engines.is_empty() {
        checks
            .iter_mut()
            .filter(|check| check.verdict == Verdict::Fail)
            .for_each(|check| check.verdict = Verdict::Warn);
    }
    (engines, checks)
}

fn reached(engine: &dyn Engine) -> Check {
    let info = engine.info();
    let least = match info.kind {
        EngineKind::Docker => "20.10",
        EngineKind::Podman => "4.3",
    };
    let root = if info.rootless { ", rootless" } else { "" };
    let found = format!(
        "{} {}, API {}, at {}{root} ({least} or newer is needed)",
        info.kind, info.version, info.api_version, info.endpoint
    );
    Check::new("engine", Verdict::Ok, found)
}

fn unusable(place: &Candidate, error: &devarch_engine::EngineError) -> Check {
    let check = Check::new("engine", Verdict::Fail, format!("{}: {}", place.because, error));
    match &error.kind {
        EngineErrorKind::TooOld { kind, version } => {
            check.mend(format!("upgrade {kind}; {version} is too old"))
        }
        EngineErrorKind::PermissionDenied => {
            check.mend("be a member of the socket's group, or use a rootless engine of your own")
        }
        _ => check.mend("see whether an engine listens there; --engine names another"),
    }
}

/// The objects an engine lists; none if it does not answer, which another check reports.
struct Looked {
    networks: Vec<ObservedNetwork>,
    containers: Vec<ObservedContainer>,
    volumes: BTreeMap<String, BTreeMap<String, String>>,
}

async fn look(engine: &Arc<dyn Engine>) -> Looked {
    let lists = tokio::join!(engine.networks(), engine.containers(), engine.volumes());
    let (networks, containers, volumes) = lists;
    Looked {
        networks: networks.unwrap_or_default(),
        containers: containers.unwrap_or_default(),
        volumes: volumes.unwrap_or_default(),
    }
}

/// Lists stacks of other homes and users: they are fine, unless their home is lost.
async fn other_homes(ctx: &Context, engines: &[Arc<dyn Engine>]) -> Check {
    let looks = engines.iter().map(|engine| leftovers(engine.as_ref(), &ctx.store_id));
    let left: Vec<Leftover> = join_all(looks).await.into_iter().flatten().flatten().collect();
    let stacks: BTreeSet<&str> = left.iter().map(|left| left.stack.as_str()).collect();
    if stacks.is_empty() {
        return Check::new("other homes", Verdict::Ok, "no other home has objects on the engines");
    }
    let shown: Vec<&str> = stacks.iter().copied().take(OTHERS_SHOWN).collect();
    let more = if stacks.len() > OTHERS_SHOWN { ", ..." } else { "" };
    let found = format!("{} stacks are another home's or user's: {}{more}", stacks.len(), shown.join(", "));
    Check::new("other homes", Verdict::Ok, found)
        .mend("only if that home is lost: `devarch adopt STACK` removes its containers and networks; volumes are kept")
}

/// How many stacks of other homes are named.
const OTHERS_SHOWN: usize = 5;

/// Checks the home's disk, and the usual ones of engines on this machine.
fn disks(settings: &Settings, engines: &[Arc<dyn Engine>]) -> Vec<Check> {
    let mut places = vec![("disk of the home".to_owned(), existing(&settings.home))];
    for engine in engines.iter().filter(|engine| engine.info().locality == Locality::Host) {
        let info = engine.info();
        let user = settings.user_home.as_deref().map(Path::new);
        let path = match (info.kind, info.rootless, user) {
            (EngineKind::Docker, false, _) => PathBuf::from("/var/lib/docker"),
            (EngineKind::Podman, false, _) => PathBuf::from("/var/lib/containers/storage"),
            (EngineKind::Docker, true, Some(home)) => home.join(".local/share/docker"),
            (EngineKind::Podman, true, Some(home)) => home.join(".local/share/containers/storage"),
            (_, true, None) => continue,
        };
        if path.exists() {
            places.push((format!("disk of {}", info.kind), path));
        }
    }
    places.into_iter().filter_map(|(name, path)| disk(name, &path)).collect()
}

/// Returns the nearest existing directory, going up.
fn existing(path: &Path) -> PathBuf {
    path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/")).to_owned()
}

fn disk(name: String, path: &Path) -> Option<Check> {
    let space = rustix::fs::statvfs(path).ok()?;
    let free = space.f_bavail * space.f_frsize;
    let verdict = match free {
        0..NONE => Verdict::Fail,
        NONE..LITTLE => Verdict::Warn,
        LITTLE.. => Verdict::Ok,
    };
    let tenths = free * 10 / (1 << 30);
    let check =
        Check::new(name, verdict, format!("{}.{} GB free at {}", tenths / 10, tenths % 10, path.display()));
    Some(if verdict == Verdict::Ok {
        check
    } else {
        check.mend("remove unused images and volumes, or files of your own")
    })
}

/// Checks how many more stacks can get a network.
fn addresses(settings: &Settings, host: &dyn Host, networks: &[ObservedNetwork]) -> Check {
    let pool = settings.address_pool;
    let mut taken: Vec<Ipv4Net> = networks.iter().flat_map(|network| network.subnets.clone()).collect();
    taken.extend(host.routes());
    taken.retain(|net| overlap(net, &pool));
    let prefix = LONGEST_PREFIX.max(pool.prefix_len());
    let subnets = pool.subnets(prefix).into_iter().flatten();
    let (all, free) = subnets.fold((0, 0), |(all, free), net| {
        (all + 1, free + usize::from(!taken.iter().any(|other| overlap(&net, other))))
    });
    let verdict = match free {
        0 => Verdict::Fail,
        1..10 => Verdict::Warn,
        _ => Verdict::Ok,
    };
    let check =
        Check::new("addresses", verdict, format!("{free} of {all} subnets (/{prefix}) of {pool} are free"));
    let mend = "remove networks nothing uses, or set DEVARCH_ADDRESS_POOL to another pool";
    if verdict == Verdict::Ok { check } else { check.mend(mend) }
}

/// Checks for host ports of instances that are held by others.
async fn ports(ctx: &Context, objects: &Objects<'_>) -> Check {
    let reservations = match ctx.store.host_ports().await {
        Ok(reservations) => reservations,
        Err(error) => return Check::new("ports", Verdict::Fail, error.to_string()),
    };
    let listeners = ctx.host.listeners(&reservations.iter().map(|port| port.socket).collect::<Vec<_>>());
    let mut held = Vec::new();
    for reservation in &reservations {
        let ours = reservation.socket;
        let publishes =
            |container: &&ObservedContainer| container.ports.iter().any(|port| ours.overlaps(&port.socket()));
        let container = objects.containers().find(publishes);
        let listener = listeners.iter().find(|listener| ours.overlaps(&listener.socket));
        let holder = match (container, listener) {
            (Some(container), _) if objects.is_ours(container) => continue,
            (Some(container), _) => format!("container {}", container.name),
            (None, Some(listener)) => {
                listener.process.clone().unwrap_or_else(|| "another process".to_owned())
            }
            (None, None) => continue,
        };
        let owner = format!("{}/{}", reservation.stack, reservation.instance);
        held.push(format!("{} of {owner} is held by {holder}", reservation.socket.port));
    }
    if held.is_empty() {
        return Check::new(
            "ports",
            Verdict::Ok,
            format!("{} reserved for instances, none used by other programs", reservations.len()),
        );
    }
    Check::new("ports", Verdict::Warn, held.join("; "))
        .mend("end what holds them, or `devarch set STACK/INSTANCE ports.PORT=auto` for another")
}

/// Checks the clock: one that is behind breaks certificates, leases and time stamps.
fn clock(settings: &Settings, clock: &dyn Clock) -> Check {
    let now = Duration::from_millis(clock.now().unsigned_abs());
    let written = match &settings.database {
        StoreUrl::Sqlite(path) => path.metadata().and_then(|file| file.modified()).ok(),
        StoreUrl::Postgres(_) => None,
    };
    let ahead = written.and_then(|written| written.duration_since(UNIX_EPOCH + now).ok());
    let wrong = if now.as_secs() / 86_400 < EARLIEST_DAY {
        "it is before 2025".to_owned()
    } else if let Some(ahead) = ahead.filter(|ahead| *ahead > Duration::from_mins(1)) {
        format!("the database was written {} s in the future", ahead.as_secs())
    } else {
        return Check::new("clock", Verdict::Ok, "plausible");
    };
    Check::new("clock", Verdict::Warn, wrong)
        .mend("set the clock, or let NTP do it (`timedatectl set-ntp true`)")
}
