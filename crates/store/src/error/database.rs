use sqlx::{migrate::MigrateError, postgres::PgDatabaseError, sqlite::SqliteError};

/// A failure of the database.
#[derive(Debug, thiserror::Error)]
#[error("database {place}: {fault}")]
pub struct DatabaseError {
    /// The database, without its password.
    pub place: String,
    /// The kind of failure.
    pub fault: Fault,
    /// The driver's error.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// The kind of a database failure, as far as the user can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The server cannot be reached.
    #[error("it cannot be reached")]
    Unreachable,
    /// Other processes kept the database locked for too long.
    #[error("others kept it locked for too long")]
    Busy,
    /// The database's content cannot be read.
    #[error("it is damaged; nothing was changed")]
    Damaged,
    /// The disk is full.
    #[error("its disk is full; nothing was changed")]
    Full,
    /// The database is read-only.
    #[error("it cannot be written to")]
    ReadOnly,
    /// Any other failure.
    #[error("it refused the request; nothing was changed")]
    Refused,
}

impl Fault {
    pub(super) fn hint(self) -> Option<&'static str> {
        match self {
            Self::Unreachable => {
                Some("check that it runs, and the address, user and password in DEVARCH_DATABASE_URL")
            }
            Self::Busy => Some("try again"),
            Self::Damaged => Some("restore it from a backup"),
            Self::Full => Some("free some space and try again"),
            Self::ReadOnly => Some("check its permissions"),
            Self::Refused => None,
        }
    }
}

impl DatabaseError {
    pub(super) fn of_driver(place: &str, source: sqlx::Error) -> Self {
        Self { place: place.to_owned(), fault: fault(&source), source: source.into() }
    }

    /// Other processes kept the database locked for too long.
    pub(crate) fn busy(place: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { place: place.to_owned(), fault: Fault::Busy, source: source.into() }
    }
}

fn fault(error: &sqlx::Error) -> Fault {
    use sqlx::Error;
    match error {
        Error::Database(error) => {
            if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
                postgres_fault(error.code())
            } else if error.try_downcast_ref::<SqliteError>().is_some() {
                sqlite_fault(error.code().and_then(|code| code.parse().ok()))
            } else {
                Fault::Refused
            }
        }
        Error::Migrate(error) => match error.as_ref() {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => fault(error),
            _ => Fault::Damaged,
        },
        Error::PoolTimedOut => Fault::Busy,
        Error::Io(_) | Error::Tls(_) | Error::Configuration(_) | Error::Protocol(_) => Fault::Unreachable,
        Error::ColumnDecode { .. } | Error::Decode(_) | Error::ColumnNotFound(_) => Fault::Damaged,
        _ => Fault::Refused,
    }
}

/// Classifies an error by its primary result code, <https://www.sqlite.org/rescode.html>.
fn sqlite_fault(code: Option<i32>) -> Fault {
    // SQLITE_IOERR_SHMSIZE: the index of the write-ahead log could not grow.
    const SHM_SIZE: i32 = 4874;
    let code = code.unwrap_or(0);
    if code == SHM_SIZE {
        return Fault::Full;
    }
    match code & 0xff {
        5 | 6 => Fault::Busy,
        8 => Fault::ReadOnly,
        11 | 26 => Fault::Damaged,
        13 => Fault::Full,
        14 => Fault::Unreachable,
        _ => Fault::Refused,
    }
}

/// Classifies an error by its class, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn postgres_fault(code: &str) -> Fault {
    match code {
        "53100" => Fault::Full,
        "25006" => Fault::ReadOnly,
        "XX001" | "XX002" => Fault::Damaged,
        "55P03" | "40001" | "40P01" | "57014" => Fault::Busy,
        "3D000" | "53300" => Fault::Unreachable,
        _ if ["08", "28", "57"].iter().any(|class| code.starts_with(class)) => Fault::Unreachable,
        _ => Fault::Refused,
    }
}
