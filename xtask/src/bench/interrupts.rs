//! Signals that end the benchmark: measured processes are ended, and created objects are removed.

use crate::failure::{Context as _, Failure, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use std::{
    process::Child,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

/// Watches for signals.
#[derive(Clone, Default)]
pub(crate) struct Interrupts {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    signal: Option<i32>,
    /// The process group that is measured.
    group: Option<Pid>,
}

impl State {
    fn end_group(&self) {
        if let Some(group) = self.group {
            // A group that has ended needs no signal.
            let _ = kill_process_group(group, Signal::TERM);
        }
    }
}

impl Interrupts {
    /// Starts watching.
    pub(crate) fn watch() -> Result<Self> {
        let interrupts = Self::default();
        let (ours, signals) = (interrupts.clone(), Signals::new([SIGINT, SIGTERM, SIGHUP]));
        let mut signals = signals.context("cannot wait for signals")?;
        thread::spawn(move || {
            for signal in signals.forever() {
                let mut state = ours.state();
                state.signal = Some(signal);
                state.end_group();
            }
        });
        Ok(interrupts)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The received signal.
    pub(crate) fn signal(&self) -> Option<i32> {
        self.state().signal
    }

    /// Fails if a signal was received.
    pub(crate) fn check(&self) -> Result<()> {
        if self.signal().is_some() { Err(Failure::new("interrupted")) } else { Ok(()) }
    }

    /// Ends a child, which leads a process group, when a signal is received.
    pub(crate) fn end_with(&self, child: &Child) {
        let mut state = self.state();
        state.group = Some(Pid::from_child(child));
        if state.signal.is_some() {
            state.end_group();
        }
    }

    /// The child has ended.
    pub(crate) fn forget(&self) {
        self.state().group = None;
    }
}
