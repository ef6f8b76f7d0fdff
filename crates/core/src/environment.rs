//! What use-cases ask of the world around them. The planner asks nothing of it: what it needs is handed to it.

use crate::{observed::Listener, port::HostSocket};
use ipnet::Ipv4Net;
use std::{collections::BTreeSet, fmt::Debug, pin::Pin, time::Duration};

/// A pause under way.
pub type Pause<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// The time, and waiting for it to pass.
pub trait Clock: Debug + Send + Sync {
    /// Milliseconds since the Unix epoch.
    fn now(&self) -> i64;

    /// Time since a fixed moment; it never runs backwards, so durations are measured with it.
    fn running(&self) -> Duration;

    /// Waits.
    fn sleep(&self, time: Duration) -> Pause<'_>;
}

/// Where ids come from.
pub trait Ids: Debug + Send + Sync {
    /// An id that nothing else has; later ones sort after earlier ones.
    fn fresh(&self) -> String;
}

/// The machine DevArch runs on.
pub trait Host: Debug + Send + Sync {
    /// The id of this process.
    fn process(&self) -> u32;

    /// Whether nothing listens on a socket.
    fn is_free(&self, wanted: HostSocket) -> bool;

    /// Those among the wanted sockets that a process listens on, with the process where it can be seen.
    fn listeners(&self, wanted: &[HostSocket]) -> Vec<Listener>;

    /// The subnets the host routes, without the default route.
    fn routes(&self) -> BTreeSet<Ipv4Net>;
}
