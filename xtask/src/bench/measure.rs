//! Measures whole processes: their time, their memory, and how long a service did not answer meanwhile.

use super::{interrupts::Interrupts, results::Key};
use crate::{
    failure::{Context as _, Failure, Result},
    http::{Address, Client},
    process::{shown, tail},
    terminal::note,
};
use std::{
    fs::File,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};
use wait4::Wait4 as _;

/// Time limit for a page, after which its server counts as unavailable.
const ANSWER: Duration = Duration::from_millis(100);

/// Pause between two requests.
const PAUSE: Duration = Duration::from_millis(2);

/// Runs commands and measures them.
pub(crate) struct Stopwatch {
    /// The file for their output.
    pub(crate) output: PathBuf,
    pub(crate) interrupts: Interrupts,
}

/// The resources a process used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) seconds: f64,
    /// Its largest resident set.
    pub(crate) kibibytes: u64,
}

impl Stopwatch {
    /// Runs a command in its own process group and measures all of it.
    pub(crate) fn time(&self, command: &mut Command) -> Result<Usage> {
        self.interrupts.check()?;
        let unwritable = || format!("cannot write {}", self.output.display());
        let out = File::create(&self.output).context(unwritable())?;
        let errors = out.try_clone().context(unwritable())?;
        command.stdin(Stdio::null()).stdout(out).stderr(errors).process_group(0);
        let begun = Instant::now();
        let mut child = command.spawn().context(format!("cannot start `{}`", shown(command)))?;
        self.interrupts.end_with(&child);
        let ended = child.wait4();
        let seconds = begun.elapsed().as_secs_f64();
        self.interrupts.forget();
        let ended = ended.context(format!("cannot wait for `{}`", shown(command)))?;
        self.interrupts.check()?;
        self.succeeded(command, ended.status)?;
        Ok(Usage { seconds, kibibytes: ended.rusage.maxrss / 1024 })
    }

    /// Runs a command while a page is asked for all the time. Returns the longest time without an answer.
    pub(crate) fn time_without(&self, port: u16, command: &mut Command) -> Result<f64> {
        let client = Client::new(Address::Tcp(format!("127.0.0.1:{port}")))?.within(ANSWER);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let watcher = scope.spawn(|| self.longest_gap(&client, &over));
            let ran = self.time(command);
            over.store(true, SeqCst);
            let gap = watcher.join().map_err(|_| Failure::new("watching the service panicked"))?;
            ran.and(gap)
        })
    }

    /// The time between two successive answers, until there is one after the end.
    fn longest_gap(&self, client: &Client, over: &AtomicBool) -> Result<f64> {
        let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
        loop {
            self.interrupts.check()?;
            let ended = over.load(SeqCst);
            if client.get("/").is_ok() {
                longest = longest.max(last.elapsed());
                last = Instant::now();
                if ended {
                    return Ok(longest.as_secs_f64());
                }
            }
            thread::sleep(PAUSE);
        }
    }

    fn succeeded(&self, command: &Command, status: ExitStatus) -> Result<()> {
        if status.success() {
            return Ok(());
        }
        note(tail(&self.output));
        Err(Failure::new(format!("`{}` failed ({status})", shown(command)))
            .help("the end of what it printed is above"))
    }
}

/// The key of a measurement on an engine.
pub(crate) fn on(engine: crate::engine::EngineName, name: &str) -> Key {
    format!("{name}-{engine}").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::program;

    fn stopwatch(directory: &tempfile::TempDir) -> Stopwatch {
        Stopwatch { output: directory.path().join("output"), interrupts: Interrupts::default() }
    }

    #[test]
    fn a_process_takes_time_and_memory() {
        let directory = tempfile::tempdir().unwrap();
        let usage = stopwatch(&directory).time(program("sleep").arg("0.05")).unwrap();
        assert!(usage.seconds >= 0.05 && usage.kibibytes > 0, "{usage:?}");
    }

    #[test]
    fn a_failed_process_is_not_measured() {
        let directory = tempfile::tempdir().unwrap();
        assert!(stopwatch(&directory).time(&mut program("false")).is_err());
    }
}
