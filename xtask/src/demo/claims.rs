//! The demo's claims, and whether they are true.

use crate::{failure::Result, terminal::print_line};

/// Counts the claims that do not hold.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    failed: usize,
}

impl Claims {
    /// Prints a PASS or FAIL line, with the reason below.
    pub(crate) fn check(&mut self, claim: &str, result: Result<()>) {
        match result {
            Ok(()) => print_line(format!("PASS  {claim}")),
            Err(failure) => {
                let reason = failure.chain().replace('\n', "\n      ");
                print_line(format!("FAIL  {claim}\n      {reason}"));
                self.failed += 1;
            }
        }
    }

    /// How many failed.
    pub(crate) fn failed(&self) -> usize {
        self.failed
    }
}
