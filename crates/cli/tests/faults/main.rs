//! A fault at any call of an apply leaves either the previous containers or the desired state, never a mixture. The
//! next apply then reaches the desired state, and nothing is left over.
//!
//! Each test breaks the first changing call, then the second and so on, until an apply makes fewer calls. Results are
//! observed from outside: with the engine's inspect and with pages from host ports.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails; the survived calls are counted from the output"
)]

#[path = "../common/mod.rs"]
mod common;

mod case;
mod database;
mod picture;
mod scenario;
mod trouble;

use case::survives;
use devarch_core::engine::EngineKind::{Docker, Podman};
use scenario::Scenario::{Create, Remove, Replace};
use trouble::Trouble;

macro_rules! survives {
    ($engine:ident, $scenario:ident: $($name:ident $trouble:ident)*) => {
        $(#[test]
        fn $name() {
            crate::survives(crate::$engine, crate::$scenario, crate::Trouble::$trouble);
        })*
    };
}

macro_rules! every_trouble {
    ($engine:ident, $scenario:ident) => {
        survives! { $engine, $scenario:
            survives_a_refused_call Refused
            survives_a_call_cut_off_before_the_engine_receives_it CutBefore
            survives_a_call_whose_response_is_cut_off CutAfter
            survives_a_call_that_hangs_before_the_engine_receives_it HangBefore
            survives_a_call_that_hangs_after_it_was_carried_out HangAfter
            survives_being_killed_before_a_call KillBefore
            survives_being_killed_after_a_call KillAfter
            survives_being_killed_again_during_recovery KillTwice
            survives_an_unreachable_engine Away
            survives_sqlite_refusing_writes Sqlite
            survives_an_unreachable_postgres Postgres
        }
    };
}

mod docker {
    mod create {
        every_trouble!(Docker, Create);
    }
    mod replace {
        every_trouble!(Docker, Replace);
    }
    mod remove {
        every_trouble!(Docker, Remove);
    }
}

mod podman {
    mod create {
        every_trouble!(Podman, Create);
    }
    mod replace {
        every_trouble!(Podman, Replace);
    }
    mod remove {
        every_trouble!(Podman, Remove);
    }
}
