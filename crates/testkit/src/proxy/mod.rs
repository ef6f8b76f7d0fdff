//! Proxies between DevArch and its servers that break at a chosen moment: [`FaultProxy`] for an engine, [`Cable`] for a
//! database.

mod cable;
mod call;
mod fault;
mod forward;
mod listener;

pub use cable::Cable;
pub use call::Call;
pub use fault::{Fault, Moment};
pub use listener::FaultProxy;
