//! The objects of one test, found by a label and removed however the test ends.

use crate::outside;
use devarch_core::{id::ContainerId, unit::Millis};
use devarch_engine::{Candidate, Engine, Way, connect};
use ipnet::Ipv4Net;
use std::{
    collections::BTreeMap,
    fs::{File, create_dir_all},
    net::{Ipv4Addr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

/// The label that every object of a test carries.
pub const LABEL: &str = "devarch.test";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A test's corner of an engine.
#[derive(Debug)]
pub struct Scope {
    prefix: String,
    endpoint: Option<String>,
    subnets: Claim,
}

/// A number that is this process's as long as it holds the lock on the number's file.
#[derive(Debug)]
pub struct Claim {
    number: u16,
    _held: File,
}

impl Claim {
    /// The lowest number below `count` of that kind that is unused on this machine.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn below(count: u16, kind: &str) -> Self {
        let directory = std::env::temp_dir().join("devarch-tests").join(kind);
        create_dir_all(&directory).expect("a directory for locks");
        let claimed = (0..count).find_map(|number| {
            let held = File::create(directory.join(number.to_string())).expect("a file to lock");
            held.try_lock().ok().map(|()| Self { number, _held: held })
        });
        claimed.expect("fewer at once than there are numbers")
    }

    /// The only one of that kind on this machine; waits for its current user.
    ///
    /// # Panics
    ///
    /// If there is no directory for locks.
    pub fn only(kind: &str) -> Self {
        let directory = std::env::temp_dir().join("devarch-tests").join(kind);
        create_dir_all(&directory).expect("a directory for locks");
        let held = File::create(directory.join("0")).expect("a file to lock");
        held.lock().expect("a lock");
        Self { number: 0, _held: held }
    }

    /// The number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// Subnets of one scope.
const SUBNETS: u32 = 4;

impl Scope {
    /// A scope of its own; the test's objects on a real engine at `endpoint` are removed at the end.
    pub fn new(endpoint: Option<String>) -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("dvt-{}-{number}", std::process::id());
        Self { prefix, endpoint, subnets: Claim::below(256, "subnets") }
    }

    /// A unique name that ends in `name`.
    pub fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// The labels of all the test's objects.
    pub fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(LABEL.to_owned(), self.prefix.clone())])
    }

    /// One of four subnets (0 to 3) of 10.198.0.0/16 that no other test has until this corner is swept.
    ///
    /// # Panics
    /// If there are no more of them.
    pub fn subnet(&self, which: u32) -> Ipv4Net {
        assert!(which < SUBNETS, "a scope has {SUBNETS} subnets");
        let slot = u32::from(self.subnets.number()) * SUBNETS + which;
        let base = u32::from(Ipv4Addr::new(10, 198, 0, 0)) + slot * 64;
        Ipv4Net::new(Ipv4Addr::from(base), 26).expect("26 is a prefix length")
    }
}

/// A loopback port that was free a moment ago.
///
/// # Panics
///
/// If there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

impl Drop for Scope {
    /// Runs in a thread with its own runtime: the test's may be panicking.
    fn drop(&mut self) {
        let Some(endpoint) = self.endpoint.clone() else {
            return;
        };
        let prefix = self.prefix.clone();
        let sweeper = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(sweep(&endpoint, &prefix));
        });
        let _ = sweeper.join();
    }
}

async fn sweep(endpoint: &str, prefix: &str) {
    let candidate =
        Candidate { way: Way::Dial(endpoint.to_owned()), because: "cleaning up".to_owned(), only: None };
    let Ok(engine) = connect(&[candidate]).await else {
        return;
    };
    sweep_containers(&engine, prefix).await;
    sweep_images(endpoint, prefix).await;
    let ours = |labels: &BTreeMap<String, String>| labels.get(LABEL).is_some_and(|of| of == prefix);
    for network in engine.networks().await.unwrap_or_default() {
        if ours(&network.labels) {
            let _ = engine.remove_network(&network.id).await;
        }
    }
    for (name, labels) in engine.volumes().await.unwrap_or_default() {
        if ours(&labels) {
            let name = devarch_core::name::PhysicalVolume::from_stored(name);
            let _ = engine.remove_volume(&name).await;
        }
    }
}

/// Removes images built by the test and leftovers of builds, on Podman including containers that exist only in its
/// storage.
async fn sweep_images(endpoint: &str, prefix: &str) {
    let left = outside::get(endpoint, "/v4.0.0/libpod/containers/json?all=true&external=true").await;
    for name in left.as_array().into_iter().flatten().filter_map(|container| container["Names"][0].as_str()) {
        if name.starts_with(&format!("{prefix}-")) {
            outside::call(endpoint, "DELETE", &format!("/v4.0.0/libpod/containers/{name}?force=true")).await;
        }
    }
    let filters = format!("%7B%22label%22%3A%5B%22{LABEL}%3D{prefix}%22%5D%7D");
    let images = outside::get(endpoint, &format!("/images/json?filters={filters}")).await;
    for id in images.as_array().into_iter().flatten().filter_map(|image| image["Id"].as_str()) {
        outside::call(endpoint, "DELETE", &format!("/images/{id}?force=true")).await;
    }
}

async fn sweep_containers(engine: &Arc<dyn Engine>, prefix: &str) {
    for container in engine.containers().await.unwrap_or_default() {
        if container.label(LABEL) == Some(prefix) {
            clear_container(engine.as_ref(), &container.id).await;
        }
    }
}

/// Removes a container whatever its state: one that restarts repeatedly may run again when it is removed, and is
/// stopped again.
pub async fn clear_container(engine: &dyn Engine, id: &ContainerId) {
    for _ in 0..10 {
        let _ = engine.stop(id, Some(Millis(0))).await;
        if engine.remove_container(id).await.is_ok() {
            return;
        }
    }
}
