//! Limits that no input may exceed.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Anything longer counts as a hang.
pub(crate) const LONGEST: Duration = Duration::from_secs(30);
/// Memory limit in KiB.
pub(crate) const MOST: u64 = 300 << 10;

/// Runs a function in a thread with a small stack, as servers have; fails if it panics, takes too long or uses too
/// much memory.
pub(crate) fn within_limits<T: Send + 'static>(name: &str, text: &str, does: fn(&str) -> T) -> T {
    let (done, ended) = mpsc::channel();
    let given = text.to_owned();
    let working = thread::spawn(move || {
        // If the receiver is gone, the time limit was exceeded.
        let _ = done.send(catch_unwind(AssertUnwindSafe(|| does(&given))));
    });
    let result = match ended.recv_timeout(LONGEST) {
        Ok(result) => result.unwrap_or_else(|_| panic!("{name} panics:\n{text}")),
        Err(error) => panic!("{name} does not end ({error}):\n{text}"),
    };
    working.join().unwrap();
    let peak = peak();
    assert!(peak < MOST, "{name} took {peak} KiB:\n{text}");
    result
}

/// The peak memory of this process, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
