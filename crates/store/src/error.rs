//! What can go wrong, in words that say what to do.

use crate::{
    author::Author,
    locks::LockInfo,
    vault::{CannotOpen, CannotSeal, ExportError, KeyFileError, KeyId},
};
use devarch_core::{
    content::ContentDigest,
    id::{ApplyId, PlanId, StackId},
    name::{NameTooLong, StackName},
    secret::Locked,
    serialize::SerializeError,
};
use sqlx::{migrate::MigrateError, postgres::PgDatabaseError, sqlite::SqliteError};
use std::{fmt, path::PathBuf};

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something an edit claims belongs to another.
    #[error("{what} {value} is already taken{}", Owner(owner.as_ref()))]
    Taken {
        /// What kind of thing.
        what: TakenWhat,
        /// Its value.
        value: String,
        /// Who has it, e.g. `instance 'c' of stack 'a-b'`.
        owner: Option<String>,
    },
    /// The edit was made against an older revision.
    #[error(
        "stack '{stack}' was changed or removed by another command since it was read; check it, then repeat the edit"
    )]
    Changed {
        /// The stack's name when it was read.
        stack: StackName,
    },
    /// The stack was deleted meanwhile.
    #[error("the stack with id {stack} is not in the store any more")]
    Gone {
        /// The stack.
        stack: StackId,
    },
    /// The content of a config file is not in the store.
    #[error(
        "the content of a config file (sha256 {digest}) is not in the store; \
         run `devarch up` in the stack's directory to load the file again"
    )]
    NoContent {
        /// What it is known by.
        digest: ContentDigest,
    },
    /// Somebody else holds a stack's lock, or a plan has its lease.
    #[error("stack '{stack}' is {holder}")]
    Locked {
        /// The stack's name.
        stack: StackName,
        /// Who holds it.
        holder: Box<LockInfo>,
    },
    /// The lock this program took is not its own any more.
    #[error(
        "the lock of stack '{stack}' is lost: {}; nothing more is done under it. \
         Look at the stack with `devarch status {stack}`, then apply it again",
        Loss(by.as_ref())
    )]
    LockLost {
        /// The stack's name.
        stack: StackName,
        /// Who took it away by force; `None` where it was free for a while, and could not be taken again.
        by: Option<Author>,
    },
    /// A lock taken through a connection pooler would not be bound to this program.
    #[error(
        "database {place} is reached through a connection pooler, which may hand one session to several programs: \
         locks don't hold there; put the server's own address into DEVARCH_DATABASE_URL"
    )]
    Pooler {
        /// The database, without password.
        place: String,
    },
    /// A saved plan is applied once.
    #[error("plan {plan} was applied already, by apply {by}; make a new one with `devarch plan`")]
    PlanUsed {
        /// The plan.
        plan: PlanId,
        /// The apply that used it.
        by: ApplyId,
    },
    /// There is no such plan of that stack.
    #[error(
        "plan {plan} is no longer in the store, or belongs to another stack; make a new one with `devarch plan`"
    )]
    NoPlan {
        /// The plan.
        plan: PlanId,
    },
    /// There is no such apply of the locked stack, or that step of it was never begun.
    #[error("apply {apply} or this step of it is not in the locked stack's journal; see `devarch history`")]
    NotJournalled {
        /// The apply.
        apply: ApplyId,
    },
    /// An instance's container would have too long a name.
    #[error(transparent)]
    Name(#[from] NameTooLong),
    /// A value has no form in which it could be stored.
    #[error("nothing was stored: {0}")]
    Unwritable(#[from] SerializeError),
    /// A newer program made the schema.
    #[error(
        "{place} was written by a newer devarch (schema {found}, this one knows {known}); \
         install that version, or point DEVARCH_DATABASE_URL at another database"
    )]
    Newer {
        /// The database.
        place: String,
        /// Its schema's version.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// SQLite's locks are not to be trusted there.
    #[error(
        "{} is on a network file system ({kind}), where SQLite's locks don't hold; \
         keep the database on a local disk, or use PostgreSQL (DEVARCH_DATABASE_URL=postgres://...)",
        path.display()
    )]
    NetworkFileSystem {
        /// The database's directory.
        path: PathBuf,
        /// What it is on.
        kind: String,
    },
    /// The database is empty, and there are keys of a store.
    #[error(
        "{} is empty, but {} has the key of a store: its content was lost. Restore the file from a backup; to start with a new store instead, remove the empty file",
        path.display(), key_file.display()
    )]
    Emptied {
        /// The database.
        path: PathBuf,
        /// The key file.
        key_file: PathBuf,
    },
    /// Root was about to make files for another user, as with `sudo`.
    #[error(
        "{} belongs to user {owner}, and devarch runs as root: that user could not use the files it creates there. Run devarch as that user, without sudo; or set DEVARCH_HOME to a directory of root's",
        path.display()
    )]
    OthersHome {
        /// The directory, or the one it would be made in.
        path: PathBuf,
        /// The user id of its owner.
        owner: u32,
    },
    /// A secret is needed that can't be read, or the key to write one.
    #[error(transparent)]
    Secrets(#[from] CannotOpen),
    /// Secrets that can't be read would be written over.
    #[error("{what} has secrets that cannot be read, so it is left as it is: {reason}")]
    LockedValues {
        /// What has them, e.g. `instance 'db' of stack 'shop'`.
        what: String,
        /// Why they can't be read.
        reason: Locked,
    },
    /// The key file can't be written.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A secret can't be written.
    #[error(transparent)]
    CannotSeal(#[from] CannotSeal),
    /// A key can't be exported or imported.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Some of what is sealed can't be opened, so it can't be sealed anew.
    #[error(
        "the key was not rotated and nothing was changed: {count} of the values encrypted with it cannot be read, \
         {}: {reason}",
        names.join(", ")
    )]
    NotRotated {
        /// How many.
        count: usize,
        /// The first of them.
        names: Vec<String>,
        /// Why the first of them can't.
        reason: CannotOpen,
    },
    /// A key that is there needs no reset.
    #[error(
        "nothing was reset: the key exists and decrypts this store's secrets, so nothing is lost; `devarch secret rotate-key` replaces it"
    )]
    KeyThere,
    /// What would be given up is another than what was looked at.
    #[error(
        "nothing was reset: secrets were added to the store meanwhile; repeat `devarch secret key reset` to see them"
    )]
    NotReset,
    /// The imported key is not the one that is needed.
    #[error(
        "the key was not imported: it is key {given}, and this store's secrets are encrypted with key {needs}{}",
        Needed(*here)
    )]
    AnotherKey {
        /// The key that was to be imported.
        given: KeyId,
        /// The store's key.
        needs: KeyId,
        /// Whether that one is here.
        here: bool,
    },
    /// The database's file or directory can't be used.
    #[error("cannot use {}; check its owner and permissions", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database failed.
    #[error("database {place}: {fault}")]
    Database {
        /// The database, without password.
        place: String,
        /// What that means for the user.
        fault: Fault,
        /// What the driver said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What an edit can find taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenWhat {
    /// A stack's name.
    StackName,
    /// A container's name: two pairs of stack and instance can read the same.
    ContainerName,
    /// A volume's physical name.
    VolumeName,
    /// A port of this host, also where an address overlaps a wildcard.
    HostPort,
    /// Addresses of a stack's network.
    Subnet,
}

impl fmt::Display for TakenWhat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StackName => "stack name",
            Self::ContainerName => "container name",
            Self::VolumeName => "volume name",
            Self::HostPort => "host port",
            Self::Subnet => "subnet",
        })
    }
}

struct Owner<'a>(Option<&'a String>);

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |owner| write!(f, " by {owner}"))
    }
}

struct Loss<'a>(Option<&'a Author>);

impl fmt::Display for Loss<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(by) => write!(f, "{by} released it by force"),
            None => {
                f.write_str("its connection to the database was lost, and another command may hold it now")
            }
        }
    }
}

struct Needed(bool);

impl fmt::Display for Needed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 {
            ", which is in the key file already"
        } else {
            "; export that one, with `devarch secret key export`, where this store can be read"
        })
    }
}

/// What a failure of the database means for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No connection.
    #[error(
        "it cannot be reached; check that it runs, and the address, user and password in DEVARCH_DATABASE_URL"
    )]
    Unreachable,
    /// Others held it for too long.
    #[error("others kept it locked for too long; try again")]
    Busy,
    /// Its content can't be read.
    #[error("it is damaged; nothing was changed, restore it from a backup")]
    Damaged,
    /// No space left.
    #[error("its disk is full; nothing was changed, free some space and try again")]
    Full,
    /// It can be read only.
    #[error("it cannot be written to; check its permissions")]
    ReadOnly,
    /// Anything else.
    #[error("it refused the request; nothing was changed")]
    Refused,
}

impl StoreError {
    /// An error of the driver.
    pub(crate) fn of(place: &str, source: impl Into<sqlx::Error>) -> Self {
        let source = source.into();
        Self::Database { place: place.to_owned(), fault: fault(&source), source: source.into() }
    }

    /// A row that does not say what it should.
    pub(crate) fn damaged(place: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Database { place: place.to_owned(), fault: Fault::Damaged, source: source.into() }
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

/// By the primary result code, <https://www.sqlite.org/rescode.html>.
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

/// By the class of the error, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
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
