//! Exit codes.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | success |
//! | 1 | started and failed |
//! | 2 | usage error; `plan --detailed-exitcode`: the plan has changes |
//! | 3 | a name, value or file is invalid |
//! | 4 | not found |
//! | 5 | conflict: in use by another object or command, or in another state |
//! | 6 | the engine cannot be reached or used |
//! | 7 | the store cannot be reached or used |
//! | 130 | cancelled by Ctrl-C (SIGINT) or by the user's answer |
//! | 129, 143 | cancelled by SIGHUP, by SIGTERM |
//!
//! `exec`, `run` and `shell` exit with the code of their command.

use devarch_app::ErrorKind;

/// The table for `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0    success
  1    it was started and failed
  2    wrong usage; plan --detailed-exitcode: the plan has changes
  3    a name, value or file is invalid
  4    what was named does not exist
  5    conflict: something else has it, or it is in another state
  6    the engine cannot be reached or used
  7    the store cannot be reached or used
  130  cancelled (129 by SIGHUP, 143 by SIGTERM)
exec, run and shell exit with the code of their command.";

/// An exit code of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit(pub(crate) u8);

impl Exit {
    pub(crate) const OK: Self = Self(0);
    pub(crate) const FAILED: Self = Self(1);
    pub(crate) const USAGE: Self = Self(2);
    pub(crate) const CHANGES: Self = Self(2);
    pub(crate) const INVALID: Self = Self(3);
    pub(crate) const NOT_FOUND: Self = Self(4);
    pub(crate) const CONFLICT: Self = Self(5);
    pub(crate) const ENGINE: Self = Self(6);
    pub(crate) const STORE: Self = Self(7);
    pub(crate) const HANGUP: Self = Self(129);
    pub(crate) const CANCELLED: Self = Self(130);
    pub(crate) const TERMINATED: Self = Self(143);
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Failed => Self::FAILED,
            ErrorKind::Invalid => Self::INVALID,
            ErrorKind::NotFound => Self::NOT_FOUND,
            ErrorKind::Conflict => Self::CONFLICT,
            ErrorKind::Engine => Self::ENGINE,
            ErrorKind::Store => Self::STORE,
            ErrorKind::Cancelled => Self::CANCELLED,
        }
    }
}
