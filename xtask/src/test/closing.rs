//! The closing line `N passed, N failed, N skipped`, which is printed however a run ends.

use super::tally::Totals;
use crate::{
    failure::{Context as _, Result},
    terminal::print_line,
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
};

/// Prints the line when it is dropped. A run that did not reach its end has one failure more.
pub(crate) struct Closing {
    line: Arc<Line>,
}

struct Line {
    totals: Arc<Totals>,
    printed: AtomicBool,
}

impl Line {
    fn print(&self) {
        if !self.printed.swap(true, SeqCst) {
            print_line(self.totals.to_string());
        }
    }

    fn print_broken_off(&self) {
        self.totals.add(0, 1, 0);
        self.print();
    }
}

impl Closing {
    /// Watches over a run, its signals included.
    pub(crate) fn watch(totals: Arc<Totals>) -> Result<Self> {
        let line = Arc::new(Line { totals, printed: AtomicBool::new(false) });
        let closing = Self { line: Arc::clone(&line) };
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot wait for signals")?;
        thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                line.print_broken_off();
                process::exit(128 + signal);
            }
        });
        Ok(closing)
    }

    /// Prints the line of a run that reached its end.
    pub(crate) fn print(&self) {
        self.line.print();
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if !self.line.printed.load(SeqCst) {
            self.line.print_broken_off();
        }
    }
}
