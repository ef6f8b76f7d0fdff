//! What goes wrong in the middle of an apply, and what DevArch is to make of it.

use crate::database::Database;
use devarch_testkit::proxy::{Fault, Moment};
use std::time::Duration;

/// How long the engine is away.
const AWAY: Duration = Duration::from_secs(2);

/// One kind of thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The engine answers with an error.
    Refused,
    /// The connection ends before the engine hears of the call.
    CutBefore,
    /// The connection ends when the engine has carried the call out.
    CutAfter,
    /// No answer ever comes; the engine has not heard of the call.
    HangBefore,
    /// No answer ever comes; the engine has carried the call out.
    HangAfter,
    /// DevArch is killed before the engine hears of the call.
    KillBefore,
    /// DevArch is killed when the engine has carried the call out.
    KillAfter,
    /// The same, and what is to put things right is killed once more.
    KillTwice,
    /// The engine is gone for a while.
    Away,
    /// The SQLite database refuses to write until the run has ended.
    Sqlite,
    /// The PostgreSQL server is gone until the run has ended.
    Postgres,
}

/// What is left to do for the user when the run has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aftermath {
    /// Nothing: DevArch has roll back, or ended in what was wanted.
    Settled,
    /// It may have been unable to, and then has to be told what to do.
    MayNeedHelp,
    /// It is dead and has to be told.
    NeedsHelp,
}

impl Trouble {
    /// Whether its store has to be a PostgreSQL database.
    pub(crate) fn needs_postgres(self) -> bool {
        self == Self::Postgres
    }

    /// What happens to the call.
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

    /// What it may leave to the user.
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
