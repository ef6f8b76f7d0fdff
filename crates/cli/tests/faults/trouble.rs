//! Faults during an apply, and how DevArch must handle them.

use crate::database::Database;
use devarch_testkit::proxy::{Fault, Moment};
use std::time::Duration;

/// How long the engine is unreachable.
const AWAY: Duration = Duration::from_secs(2);

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The engine answers with an error.
    Refused,
    /// The connection ends before the engine receives the call.
    CutBefore,
    /// The connection ends after the engine has carried out the call.
    CutAfter,
    /// The call hangs before the engine receives it.
    HangBefore,
    /// The call hangs after the engine has carried it out.
    HangAfter,
    /// DevArch is killed before the engine receives the call.
    KillBefore,
    /// DevArch is killed after the engine has carried out the call.
    KillAfter,
    /// The same, and the command that recovers is killed too.
    KillTwice,
    /// The engine is unreachable for a while.
    Away,
    /// SQLite refuses writes until the run has ended.
    Sqlite,
    /// PostgreSQL is unreachable until the run has ended.
    Postgres,
}

/// What the user has to do after the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aftermath {
    /// Nothing: DevArch rolled back or reached the desired state.
    Settled,
    /// Possibly choose between `--resume` and `--undo`.
    MayNeedHelp,
    /// Choose between `--resume` and `--undo`, because DevArch was killed.
    NeedsHelp,
}

impl Trouble {
    /// Whether the store has to be PostgreSQL.
    pub(crate) fn needs_postgres(self) -> bool {
        self == Self::Postgres
    }

    /// The fault of the proxy.
    pub(crate) fn fault(self, database: &Database) -> Fault {
        match self {
            Self::Refused => Fault::Refuse,
            Self::CutBefore => Fault::Cut(Moment::Before),
            Self::CutAfter => Fault::Cut(Moment::After),
            Self::HangBefore => Fault::Hang(Moment::Before),
            Self::HangAfter => Fault::Hang(Moment::After),
            Self::KillBefore => Fault::Kill(Moment::Before),
            Self::KillAfter | Self::KillTwice => Fault::Kill(Moment::After),
            Self::Away => Fault::Away(AWAY),
            Self::Sqlite | Self::Postgres => Fault::Meanwhile(database.breaker()),
        }
    }

    /// What the user may have to do.
    pub(crate) fn aftermath(self) -> Aftermath {
        match self {
            Self::KillBefore | Self::KillAfter | Self::KillTwice => Aftermath::NeedsHelp,
            Self::Away | Self::Sqlite | Self::Postgres => Aftermath::MayNeedHelp,
            Self::Refused | Self::CutBefore | Self::CutAfter | Self::HangBefore | Self::HangAfter => {
                Aftermath::Settled
            }
        }
    }
}
