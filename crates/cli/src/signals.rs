//! Ctrl-C: the first one cancels, the second ends at once.

use crate::{exit::Exit, terminal};
use tokio_util::sync::CancellationToken;

/// A token that the first Ctrl-C, or the wish of the system to end us, cancels.
pub(crate) fn cancel_token() -> CancellationToken {
    let token = CancellationToken::new();
    tokio::spawn(watch(token.clone()));
    token
}

async fn watch(token: CancellationToken) {
    if asked_to_end().await {
        terminal::to_stderr("cancelling: waiting for the steps under way; Ctrl-C again ends at once");
        token.cancel();
        asked_to_end().await;
        std::process::exit(i32::from(Exit::CANCELLED.0));
    }
}

/// Whether a signal came; not where signals can't be had.
async fn asked_to_end() -> bool {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return false };
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.is_ok(),
        _ = terminate.recv() => true,
    }
}
