//! The location of the store, as given in `DEVARCH_DATABASE_URL`.

use std::{fmt, path::PathBuf, str::FromStr};

/// Why a URL names no database DevArch can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// The scheme is neither of the two.
    #[error(
        "the database URL begins neither with `sqlite:` nor with `postgres://`; \
         write e.g. sqlite:/home/me/.devarch/devarch.db or postgres://user:password@host/database"
    )]
    Scheme,
    /// `sqlite:` without a path.
    #[error("the database URL has no path behind `sqlite:`")]
    NoPath,
    /// The URL cannot be split into user, password, host and port.
    #[error(
        "the PostgreSQL URL cannot be split into user, password, host and port; \
         write `@`, `/`, `?` and `#` in the password as %40, %2F, %3F and %23"
    )]
    Authority,
}

/// The database with the source of truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// An SQLite file of this user.
    Sqlite(PathBuf),
    /// A PostgreSQL server shared by a team.
    Postgres(PostgresUrl),
}

impl FromStr for StoreUrl {
    type Err = InvalidUrl;

    fn from_str(given: &str) -> Result<Self, InvalidUrl> {
        if let Some(path) = given.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(InvalidUrl::NoPath);
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        let rest = ["postgres://", "postgresql://"].iter().find_map(|scheme| given.strip_prefix(scheme));
        let rest = rest.ok_or(InvalidUrl::Scheme)?;
        Ok(Self::Postgres(PostgresUrl {
            full: given.to_owned(),
            shown: shown(rest).ok_or(InvalidUrl::Authority)?,
        }))
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

/// A PostgreSQL URL. It is printed without its password and parameters (which may contain one too).
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    full: String,
    shown: String,
}

impl PostgresUrl {
    /// Returns the URL with its password, for the driver only.
    pub(crate) fn with_password(&self) -> &str {
        &self.full
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Returns the printable part of what follows the scheme; `None` if a part of the password could be mistaken for
/// something else.
fn shown(rest: &str) -> Option<String> {
    let (before, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (user, server) = match before.rsplit_once('@') {
        Some((login, server)) => (login.split(':').next()?, server),
        None if parameters.contains('@') => return None,
        None => ("", before),
    };
    let (host, database) = server.split_once('/').unwrap_or((server, ""));
    let port = match host.rfind(':') {
        Some(colon) if !host.ends_with(']') => &host[colon + 1..],
        _ => "",
    };
    let plain = |text: &str| !text.contains(['/', '#', '@', ':']);
    if !plain(database) || !plain(user) || host.contains('#') {
        return None;
    }
    if !port.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let at = if user.is_empty() { "" } else { "@" };
    let slash = if database.is_empty() { "" } else { "/" };
    Some(format!("postgres://{user}{at}{host}{slash}{database}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_selects_the_database() {
        for given in ["sqlite:/a/b.db", "sqlite:///a/b.db"] {
            assert_eq!(given.parse(), Ok(StoreUrl::Sqlite("/a/b.db".into())));
        }
        assert_eq!("sqlite:".parse::<StoreUrl>(), Err(InvalidUrl::NoPath));
        assert_eq!("mysql://x/y".parse::<StoreUrl>(), Err(InvalidUrl::Scheme));
    }

    #[test]
    fn a_password_is_never_printed() {
        let cases = [
            ("postgres://me:pass@db:5432/team", "postgres://me@db:5432/team"),
            ("postgresql://me:pass@db/team?sslmode=require", "postgres://me@db/team"),
            ("postgres://db/team?user=me&password=pass", "postgres://db/team"),
            ("postgres://me:pa/ss@db/team", "postgres://me@db/team"),
            ("postgres://me:pa@ss@[::1]:5432/team", "postgres://me@[::1]:5432/team"),
            ("postgres://me@/team?host=/run/postgresql", "postgres://me@/team"),
        ];
        for (given, expected) in cases {
            let url: StoreUrl = given.parse().unwrap();
            assert_eq!(url.to_string(), expected);
            assert!(!format!("{url:?}").contains("pass"), "{url:?}");
        }
    }

    #[test]
    fn a_url_whose_password_could_be_mistaken_for_a_host_is_rejected() {
        for given in [
            "postgres://me:pa?ss@db/team",
            "postgres://me:123?ss@db/team",
            "postgres://me:pass",
            "postgres://db/team?password=a@b",
        ] {
            let refused = given.parse::<StoreUrl>().unwrap_err();
            assert_eq!(refused, InvalidUrl::Authority, "{given}");
        }
    }
}
