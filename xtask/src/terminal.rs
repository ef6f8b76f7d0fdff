//! Output of a task.

use std::io::{self, Write as _};

/// Prints a line of a result.
pub(crate) fn print_line(line: impl AsRef<str>) {
    // A reader that has closed needs no text.
    let _ = writeln!(io::stdout(), "{}", line.as_ref());
}

/// Prints a line of progress.
pub(crate) fn note(line: impl AsRef<str>) {
    let _ = writeln!(io::stderr(), "xtask: {}", line.as_ref());
}
