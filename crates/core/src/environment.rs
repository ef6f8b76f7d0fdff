//! The interfaces that use-cases need from their environment. The planner uses none of them: its input is passed in.

use crate::{observed::Listener, port::HostSocket};
use ipnet::Ipv4Net;
use std::{collections::BTreeSet, fmt::Debug, pin::Pin, time::Duration};

/// A sleep in progress.
pub type Pause<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A clock and timer.
pub trait Clock: Debug + Send + Sync {
    /// Returns the milliseconds since the Unix epoch.
    fn now(&self) -> i64;

    /// Returns the time since a fixed moment. It never runs backwards, so durations are measured with it.
    fn running(&self) -> Duration;

    /// Waits for that long.
    fn sleep(&self, time: Duration) -> Pause<'_>;
}

/// A source of ids.
pub trait Ids: Debug + Send + Sync {
    /// Returns a unique id; later ones sort after earlier ones.
    fn fresh(&self) -> String;
}

/// The machine DevArch runs on.
pub trait Host: Debug + Send + Sync {
    /// Returns the id of this process.
    fn process(&self) -> u32;

    /// Whether no process listens on a socket.
    fn is_free(&self, wanted: HostSocket) -> bool;

    /// Returns the given sockets that a process listens on, with the process if it is visible.
    fn listeners(&self, wanted: &[HostSocket]) -> Vec<Listener>;

    /// Returns the subnets the host routes, without the default route.
    fn routes(&self) -> BTreeSet<Ipv4Net>;
}
