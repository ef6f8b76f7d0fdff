//! Ways between DevArch and what it talks to, which break at a chosen moment: [`FaultProxy`] in front of an engine,
//! [`Cable`] in front of a database.

mod cable;
mod call;
mod fault;
mod forward;
mod listener;

pub use cable::Cable;
pub use call::Call;
pub use fault::{Fault, Moment};
pub use listener::FaultProxy;
