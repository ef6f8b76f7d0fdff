//! SIGINT, SIGTERM and SIGHUP: the first one cancels, so that the apply is rolled back.
//!
//! A second SIGINT or SIGTERM exits at once. A second SIGHUP does not: a closing terminal may send several, together
//! with a SIGTERM.

use crate::{exit::Exit, terminal};
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code of the first signal; 0 before that.
static FIRST: AtomicU8 = AtomicU8::new(0);

/// A token that the first signal cancels. Signals are handled from here on; if that is not possible, they kill the
/// program as usual.
pub(crate) fn cancel_token() -> CancellationToken {
    let token = CancellationToken::new();
    if let Ok(signals) = Signals::listen() {
        tokio::spawn(watch(signals, token.clone()));
    }
    token
}

/// The exit code of the signal that cancelled the program, if any.
pub(crate) fn exit(exit: Exit) -> Exit {
    match FIRST.load(Ordering::Relaxed) {
        0 => exit,
        code if exit == Exit::CANCELLED => Exit(code),
        _ => exit,
    }
}

async fn watch(mut signals: Signals, token: CancellationToken) {
    let first = signals.next().await;
    FIRST.store(first.exit().0, Ordering::Relaxed);
    terminal::to_stderr("cancelling: waiting for the current steps; press Ctrl-C again to stop at once");
    token.cancel();
    let mut seen = vec![first];
    loop {
        let next = signals.next().await;
        if next != Caught::Hangup && seen.contains(&next) {
            std::process::exit(i32::from(next.exit().0));
        }
        seen.push(next);
    }
}

/// A signal that cancels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caught {
    Hangup,
    Interrupt,
    Terminate,
}

impl Caught {
    fn exit(self) -> Exit {
        match self {
            Self::Hangup => Exit::HANGUP,
            Self::Interrupt => Exit::CANCELLED,
            Self::Terminate => Exit::TERMINATED,
        }
    }
}

struct Signals {
    /// `None` if it was ignored at the start, as with `nohup`; then it stays ignored.
    hangup: Option<Signal>,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let hangup = if hangup_is_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
        Ok(Self { hangup, interrupt: signal(interrupt)?, terminate: signal(terminate)? })
    }

    /// Waits for the next signal.
    async fn next(&mut self) -> Caught {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = hangup => Caught::Hangup,
            _ = self.interrupt.recv() => Caught::Interrupt,
            _ = self.terminate.recv() => Caught::Terminate,
        }
    }
}

/// Whether SIGHUP is ignored, according to Linux. On other systems it is assumed not to be.
fn hangup_is_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

/// Signal 1 is the lowest bit of the mask, proc(5).
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_hangup_is_read_from_the_signal_mask() {
        let status =
            |mask: &str| format!("Name:\tdevarch\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\nSigCgt:\t1\n");
        assert!(ignores_hangup(&status("0000000000001001")));
        assert!(!ignores_hangup(&status("0000000000001006")));
        assert!(!ignores_hangup("Name:\tdevarch\n"));
    }
}
