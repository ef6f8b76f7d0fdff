//! Stops Docker's containers one at a time.
//!
//! A stopping container leaves its networks. Docker before 29 keeps a count of a network's containers, and sometimes
//! miscounts: the network stays until Docker is restarted (moby issue 42119; pull request 51064 calls the count unused
//! in 28). 20.10 may also deadlock: calls about networks are not answered any more, and in its goroutines the stops of
//! several containers wait for locks of libnetwork. Stacks of 30, eight stops at once: one of eight rounds miscounted,
//! and another series of at most twelve locked up. Fourteen rounds one by one did neither: not a proof.
//!
//! A container that is slow to stop loses its turn: the others do not wait for it. Containers that exit by themselves
//! are not limited.

use devarch_core::engine::{EngineInfo, EngineKind};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The first Docker version without the count.
const STEADY: [u32; 2] = [29, 0];

/// How long the others wait: three times what a stop takes on two busy cores.
const TURN: Duration = Duration::from_millis(400);

/// Grants turns to stop, on engines where that matters.
#[derive(Debug)]
pub(crate) struct StopLimiter(Option<Semaphore>);

impl StopLimiter {
    /// Creates the limiter for an engine.
    pub(crate) fn new(engine: &EngineInfo) -> Self {
        let matters = engine.kind == EngineKind::Docker && !engine.is_at_least(STEADY);
        Self(matters.then(|| Semaphore::new(1)))
    }

    /// Stops a container when it is its turn.
    pub(crate) async fn take<T>(&self, end: impl Future<Output = T>) -> T {
        let Some(limiter) = &self.0 else { return end.await };
        let turn = limiter.acquire().await;
        let mut end = std::pin::pin!(end);
        if let Ok(ended) = tokio::time::timeout(TURN, &mut end).await {
            return ended;
        }
        drop(turn);
        end.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use devarch_testkit::memory::engine_info;
    use futures_util::future::join_all;
    use std::cell::Cell;
    use tokio::sync::Notify;

    fn limiter(kind: EngineKind, version: &str) -> StopLimiter {
        StopLimiter::new(&engine_info(kind, version))
    }

    /// Returns how many of eight stops were under way at once.
    async fn most_at_once(limiter: &StopLimiter) -> usize {
        let (now, most) = (Cell::new(0), Cell::new(0));
        let end = || async {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            tokio::task::yield_now().await;
            now.set(now.get() - 1);
        };
        join_all((0..8).map(|_| limiter.take(end()))).await;
        most.get()
    }

    #[tokio::test]
    async fn containers_of_a_docker_that_counts_are_stopped_one_at_a_time() {
        assert_eq!(most_at_once(&limiter(EngineKind::Docker, "20.10.24")).await, 1);
        assert_eq!(most_at_once(&limiter(EngineKind::Docker, "29.0.1")).await, 8);
        assert_eq!(most_at_once(&limiter(EngineKind::Podman, "4.3.1")).await, 8);
    }

    #[tokio::test]
    async fn a_slow_container_does_not_keep_others_from_stopping() {
        let (limiter, other_ended) = (limiter(EngineKind::Docker, "20.10.24"), Notify::new());
        let slow = limiter.take(other_ended.notified());
        tokio::join!(slow, limiter.take(async { other_ended.notify_one() }));
    }
}
