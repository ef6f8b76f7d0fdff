//! Simulated behaviour of programs in containers.

use devarch_core::spec::CreateContainer;
use std::sync::Arc;

/// Decides what a container does, by its create request.
pub type Script = Arc<dyn Fn(&CreateContainer) -> Behaviour + Send + Sync>;

/// The behaviour of a container after its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// How it lives.
    pub life: Life,
    /// Its output.
    pub output: String,
    /// How many probes fail before the first passes; with 0, probes do what their command says.
    pub failing_probes: u32,
}

/// How a container lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Until it is stopped; then it ends with this code.
    Runs(i64),
    /// It ends at once with this code.
    Exits(i64),
    /// Its command can't be run.
    CannotStart,
}

impl Behaviour {
    /// Runs until it is stopped, without output.
    pub fn runs() -> Self {
        Self { life: Life::Runs(0), output: String::new(), failing_probes: 0 }
    }

    /// It ends at once.
    pub fn exits(code: i64, output: &str) -> Self {
        Self { life: Life::Exits(code), output: output.to_owned(), failing_probes: 0 }
    }

    /// It can't be started.
    pub fn cannot_start() -> Self {
        Self { life: Life::CannotStart, ..Self::runs() }
    }

    /// It is not ready at first.
    #[must_use]
    pub fn failing_probes(mut self, times: u32) -> Self {
        self.failing_probes = times;
        self
    }
}

/// What busybox would do with the command, as far as tests need: lines with `sleep` run, `echo` and `exit` are
/// interpreted, absolute paths that contain `not_found` cannot be run. An empty command runs.
pub fn busybox(request: &CreateContainer) -> Behaviour {
    let words = request.spec.command.iter().flatten();
    Argv(words.map(|word| word.reveal().to_owned()).collect()).behaviour()
}

/// A command line.
#[derive(Debug, Clone)]
pub(super) struct Argv(pub(super) Vec<String>);

impl Argv {
    pub(super) fn shell(line: &str) -> Self {
        Self(["sh", "-c", line].map(str::to_owned).to_vec())
    }

    pub(super) fn behaviour(&self) -> Behaviour {
        let words: Vec<&str> = self.0.iter().map(String::as_str).collect();
        match words.as_slice() {
            [program, ..] if program.starts_with("/no/") => Behaviour::cannot_start(),
            ["sh", "-c", line] if !line.contains("sleep") => run_line(line),
            ["true"] => Behaviour::exits(0, ""),
            ["false"] => Behaviour::exits(1, ""),
            _ => Behaviour::runs(),
        }
    }
}

fn run_line(line: &str) -> Behaviour {
    let mut output = String::new();
    for part in line.split(';').map(str::trim) {
        if let Some(words) = part.strip_prefix("echo ") {
            output.push_str(words);
            output.push('\n');
        } else if let Some(code) = part.strip_prefix("exit ") {
            return Behaviour::exits(code.parse().unwrap_or(1), &output);
        }
    }
    Behaviour::exits(0, &output)
}
