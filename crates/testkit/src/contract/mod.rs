//! The contract that engines fulfil for the rest of DevArch, one function per promise. [`objects`], [`networks`] and
//! [`life`] apply to the in-memory engine too; the others need real processes.

pub mod build;
pub mod exact;
pub mod files;
pub mod life;
pub mod networks;
pub mod objects;
pub mod process;
pub mod reachability;
pub mod streams;
pub mod volumes;

use devarch_engine::{EngineError, EngineErrorKind};

/// Asserts that a call failed for that reason.
#[track_caller]
fn assert_refused<T>(result: Result<T, EngineError>, kind: &EngineErrorKind) {
    match result {
        Ok(_) => panic!("it was allowed; expected {kind:?}"),
        Err(error) => assert_eq!(error.kind, *kind, "{error}"),
    }
}
