//! Whatever goes wrong with any one call of an apply, what ran before runs, or what was wanted; never a mixture. Then the
//! next apply ends in the wanted state, and nothing is left over.
//!
//! Each test breaks the first call that changes something, then the second and so on, until an apply has made fewer
//! calls than that. Everything is seen from outside: engine inspect, pages from host ports.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails; what is survived is counted from what is printed"
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
            survives_a_call_that_is_refused Refused
            survives_a_call_that_is_cut_off_unheard CutBefore
            survives_a_call_whose_answer_is_cut_off CutAfter
            survives_a_call_that_hangs_unheard HangBefore
            survives_a_call_that_hangs_though_carried_out HangAfter
            survives_being_killed_before_a_call KillBefore
            survives_being_killed_after_a_call KillAfter
            survives_being_killed_again_while_it_puts_things_right KillTwice
            survives_the_engine_going_away Away
            survives_sqlite_refusing_to_write Sqlite
            survives_postgres_going_away Postgres
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
