//! What no input may cost.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Longer is a hang.
pub(crate) const LONGEST: Duration = Duration::from_secs(30);
/// More memory than any input is worth, in KiB.
pub(crate) const MOST: u64 = 300 << 10;

/// Does it with a text, in a thread of its own with a small stack as servers have; fails with the text where it panics, does not
/// end or takes too much memory.
pub(crate) fn hold<T: Send + 'static>(name: &str, text: &str, does: fn(&str) -> T) -> T {
    let (done, ended) = mpsc::channel();
    let given = text.to_owned();
    let working = thread::spawn(move || {
        // Where nobody waits any more it was too late.
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

/// The most memory this process had, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
