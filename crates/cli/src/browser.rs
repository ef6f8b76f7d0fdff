//! The user's browser.

use std::process::{Command, Stdio};

/// Opens a URL; returns whether a browser could be started.
#[expect(clippy::disallowed_methods, reason = "only the desktop knows the user's browser")]
pub(crate) fn open(url: &str) -> bool {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let quiet = || Stdio::null();
    let started = Command::new(program).arg(url).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn();
    started.is_ok()
}
