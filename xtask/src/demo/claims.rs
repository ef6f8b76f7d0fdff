//! What the demo claims, and whether it holds.

use crate::{failure::Result, terminal::say};

/// Counts the claims that do not hold.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    failed: usize,
}

impl Claims {
    /// Prints a PASS or FAIL line, with the reason below.
    pub(crate) fn check(&mut self, claim: &str, result: Result<()>) {
        match result {
            Ok(()) => say(format!("PASS  {claim}")),
            Err(failure) => {
                let reason = failure.chain().replace('\n', "\n      ");
                say(format!("FAIL  {claim}\n      {reason}"));
                self.failed += 1;
            }
        }
    }

    /// How many failed.
    pub(crate) fn failed(&self) -> usize {
        self.failed
    }
}
