//! Ctrl-C: the first one cancels, the second ends at once.

use crate::{exit::Exit, terminal};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that the first Ctrl-C, or the wish of the system to end us, cancels. Heard from the moment this returns;
/// where signals can't be had they end us as they end any program.
pub(crate) fn cancel_token() -> CancellationToken {
    let token = CancellationToken::new();
    if let Ok(signals) = Signals::listen() {
        tokio::spawn(watch(signals, token.clone()));
    }
    token
}

async fn watch(mut signals: Signals, token: CancellationToken) {
    signals.next().await;
    terminal::to_stderr("cancelling: waiting for the steps under way; Ctrl-C again ends at once");
    token.cancel();
    signals.next().await;
    std::process::exit(i32::from(Exit::CANCELLED.0));
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// When the next one comes.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
