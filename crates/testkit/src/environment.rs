//! A clock, ids, a host and in-memory engines that tests control: what use-cases get instead of the real ones.

use crate::memory::MemoryEngine;
use async_trait::async_trait;
use devarch_core::{
    environment::{Clock, Host, Ids, Pause},
    observed::Listener,
    port::HostSocket,
};
use devarch_engine::{
    Candidate, ConnectOptions, Engine, EngineError, EngineErrorKind, Engines, FindInput, Way,
};
use ipnet::Ipv4Net;
use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A clock that advances only on request or when a task sleeps: a pause ends as soon as all other tasks have yielded,
/// and advances the clock by its length. Concurrent pauses add up.
///
/// This is not tokio's paused time, which runs ahead whenever a runtime is idle, even while a database's thread works,
/// so that the store's own timeouts would expire at once.
#[derive(Debug)]
pub struct FakeClock {
    /// Starts at the present, because the store reads the system's clock itself.
    started: Duration,
    passed: AtomicU64,
}

impl Default for FakeClock {
    fn default() -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started, passed: AtomicU64::new(0) }
    }
}

impl FakeClock {
    /// Advances the clock.
    pub fn advance(&self, time: Duration) {
        let milliseconds = u64::try_from(time.as_millis()).expect("an age of the universe");
        self.passed.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> i64 {
        i64::try_from((self.started + self.running()).as_millis()).expect("an age of the universe")
    }

    fn running(&self) -> Duration {
        Duration::from_millis(self.passed.load(Ordering::Relaxed))
    }

    fn sleep(&self, time: Duration) -> Pause<'_> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.advance(time);
        })
    }
}

/// Ids that count up.
#[derive(Debug, Default)]
pub struct CountedIds(AtomicU64);

impl Ids for CountedIds {
    fn fresh(&self) -> String {
        let next = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        format!("00000000-0000-7000-8000-{next:012x}")
    }
}

/// A host without listeners and routes except those a test adds.
#[derive(Debug)]
pub struct FakeHost {
    process: AtomicU32,
    listeners: Mutex<Vec<Listener>>,
    routes: Mutex<BTreeSet<Ipv4Net>>,
}

impl Default for FakeHost {
    fn default() -> Self {
        Self { process: AtomicU32::new(1), listeners: Mutex::default(), routes: Mutex::default() }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeHost {
    /// From now on the program is another process.
    pub fn start_another_process(&self) {
        self.process.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes a process of that name listen on a socket.
    pub fn listen(&self, socket: HostSocket, process: &str) {
        lock(&self.listeners).push(Listener { socket, process: Some(process.to_owned()) });
    }

    /// Adds a route for a subnet.
    pub fn route(&self, subnet: Ipv4Net) {
        lock(&self.routes).insert(subnet);
    }
}

impl Host for FakeHost {
    fn process(&self) -> u32 {
        self.process.load(Ordering::Relaxed)
    }

    fn is_free(&self, wanted: HostSocket) -> bool {
        self.listeners(&[wanted]).is_empty()
    }

    fn listeners(&self, wanted: &[HostSocket]) -> Vec<Listener> {
        let asked = |listener: &&Listener| wanted.iter().any(|wanted| wanted.overlaps(&listener.socket));
        lock(&self.listeners).iter().filter(asked).cloned().collect()
    }

    fn routes(&self) -> BTreeSet<Ipv4Net> {
        lock(&self.routes).clone()
    }
}

/// In-memory engines, each found at its own endpoint. Without a specified one they are tried in order.
pub struct MemoryEngines {
    engines: Vec<Arc<MemoryEngine>>,
    named: Option<String>,
}

impl MemoryEngines {
    /// These.
    pub fn new(engines: impl IntoIterator<Item = Arc<MemoryEngine>>) -> Self {
        Self { engines: engines.into_iter().collect(), named: None }
    }

    /// The environment names one of them in `DEVARCH_ENGINE`.
    #[must_use]
    pub fn named(self, engine: &str) -> Self {
        Self { named: Some(engine.to_owned()), ..self }
    }
}

impl fmt::Debug for MemoryEngines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints = self.engines.iter().map(|engine| &engine.info().endpoint);
        f.debug_list().entries(endpoints).finish()
    }
}

#[async_trait]
impl Engines for MemoryEngines {
    /// The first two are named by the variables of Docker and Podman; the others have to be asked for.
    fn said(&self) -> FindInput {
        let endpoint = |at: usize| self.engines.get(at).map(|engine| engine.info().endpoint.clone());
        FindInput {
            devarch_engine: self.named.clone(),
            docker_host: endpoint(0),
            container_host: endpoint(1),
            ..FindInput::default()
        }
    }

    async fn connect(
        &self,
        places: &[Candidate],
        _options: ConnectOptions,
    ) -> Result<Arc<dyn Engine>, EngineError> {
        let at = |place: &Candidate| {
            let Way::Dial(address) = &place.way else { return None };
            let here = |engine: &&Arc<MemoryEngine>| {
                let info = engine.info();
                info.endpoint == *address && place.only.is_none_or(|only| only == info.kind)
            };
            self.engines.iter().find(here).cloned()
        };
        let Some(engine) = places.iter().find_map(at) else {
            let nowhere = "no engine of the wanted kind is in memory";
            return Err(EngineError::new("find an engine", EngineErrorKind::NotRunning, nowhere));
        };
        Ok(engine)
    }
}
