//! Counts the statements that actually reach a database, by the driver's events.

use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

static SEEN: AtomicUsize = AtomicUsize::new(0);
static LAST: AtomicUsize = AtomicUsize::new(usize::MAX);

struct Watch;

impl Subscriber for Watch {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query" && *metadata.level() <= Level::DEBUG
    }

    fn event(&self, event: &Event<'_>) {
        let mut kind = Kind::default();
        event.record(&mut kind);
        if kind.bounds_a_transaction {
            return;
        }
        let seen = SEEN.fetch_add(1, Ordering::SeqCst) + 1;
        if seen == LAST.load(Ordering::SeqCst) {
            let this = rustix::process::getpid();
            rustix::process::kill_process(this, rustix::process::Signal::KILL).unwrap();
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// A statement's text, from the summary in the event.
#[derive(Default)]
struct Kind {
    bounds_a_transaction: bool,
}

impl Visit for Kind {
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "summary" {
            let bounds = ["BEGIN", "COMMIT", "ROLLBACK"];
            self.bounds_a_transaction = bounds.iter().any(|bound| value.starts_with(bound));
        }
    }
}

/// Counts the statements of this process from now on.
pub(crate) fn watch() {
    // Another test of this process may have been first.
    let _ = tracing::subscriber::set_global_default(Watch);
}

/// How many statements this process has run since the last call. SQLite's own thread reports a statement shortly after
/// its result is available, which this waits for.
pub(crate) async fn taken() -> usize {
    tokio::time::sleep(Duration::from_millis(100)).await;
    SEEN.swap(0, Ordering::SeqCst)
}

/// Ends this process, as `kill -9` would, right after that many more statements.
pub(crate) fn die_after(statements: usize) {
    SEEN.store(0, Ordering::SeqCst);
    LAST.store(statements, Ordering::SeqCst);
    watch();
}
