//! DevArch is killed (SIGKILL) at any call of an apply, with a database that holds rows: no row is lost, nothing is
//! left over, and ids that should not change stay the same.
//!
//! With `DEVARCH_TEST_LONG=1` (`scripts/test --long`) the program is killed before and after every changing call,
//! otherwise at a few that are chosen by a seed. The seed is printed; `DEVARCH_TEST_SEED` sets it. The report has a
//! line per kill; it is printed and written to `kills-ENGINE.txt` in cargo's directory for tests.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails; the report is for people"
)]

#[path = "../common/mod.rs"]
mod common;

mod objects;
mod scenario;
mod series;

use devarch_core::engine::EngineKind::{Docker, Podman};

mod docker {
    #[test]
    fn no_row_is_lost_by_a_kill_at_any_call() {
        crate::series::survives(crate::Docker);
    }
}

mod podman {
    #[test]
    fn no_row_is_lost_by_a_kill_at_any_call() {
        crate::series::survives(crate::Podman);
    }
}
