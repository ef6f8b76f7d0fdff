//! The only way out for text: results to stdout, everything else to stderr, questions to who sits there.

use crate::{Global, error::CliError};
use devarch_core::secret::Secret;
use serde::Serialize;
use std::io::{self, IsTerminal as _, Write as _};

/// How the user wants to be talked to.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact by itself")]
pub(crate) struct Terminal {
    /// JSON instead of text.
    pub(crate) json: bool,
    /// Every question is answered already.
    pub(crate) yes: bool,
    /// Progress can be drawn.
    pub(crate) live: bool,
    /// Questions can be asked.
    pub(crate) interactive: bool,
}

impl Terminal {
    /// From the flags and what the streams are connected to.
    pub(crate) fn new(global: &Global) -> Self {
        let stderr = io::stderr().is_terminal();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            json: global.json,
            yes: global.yes,
            live: stderr && !dumb && global.verbose == 0,
            interactive: stderr && io::stdin().is_terminal(),
        }
    }

    /// A result; a line end is added where it has none.
    #[expect(clippy::unused_self, reason = "who prints has a terminal")]
    pub(crate) fn print(self, text: &str) -> Result<(), CliError> {
        let mut out = anstream::stdout().lock();
        write!(out, "{text}")?;
        if !text.ends_with('\n') && !text.is_empty() {
            writeln!(out)?;
        }
        Ok(out.flush()?)
    }

    /// A result as JSON.
    pub(crate) fn print_json<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CliError> {
        self.print(&serde_json::to_string_pretty(value).map_err(io::Error::from)?)
    }

    /// A result in the form that was asked for.
    pub(crate) fn result<T: Serialize + ?Sized>(
        self,
        value: &T,
        text: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        if self.json { self.print_json(value) } else { self.print(&text()) }
    }

    /// Something worth knowing that is not the result.
    #[expect(clippy::unused_self, reason = "who notes has a terminal")]
    pub(crate) fn note(self, text: &str) {
        to_stderr(text);
    }

    /// The beginning of a line of output.
    #[expect(clippy::unused_self, reason = "who prints has a terminal")]
    pub(crate) fn prefix(self, text: &str) -> Result<(), CliError> {
        Ok(write!(anstream::stdout().lock(), "{text}")?)
    }

    /// What a program in a container wrote, as it is.
    #[expect(clippy::unused_self, reason = "who prints has a terminal")]
    pub(crate) fn raw(self, stderr: bool, bytes: &[u8]) -> Result<(), CliError> {
        if stderr {
            io::stderr().lock().write_all(bytes)?;
        } else {
            let mut out = io::stdout().lock();
            out.write_all(bytes)?;
            out.flush()?;
        }
        Ok(())
    }

    /// Asks; `what` names what would be done where nobody can be asked.
    pub(crate) fn confirm(self, question: &str, what: &str) -> Result<(), CliError> {
        if self.yes {
            return Ok(());
        }
        if !self.interactive {
            return Err(CliError::NobodyToAsk(what.to_owned()));
        }
        match inquire::Confirm::new(question).with_default(false).prompt() {
            Ok(true) => Ok(()),
            Ok(false) => Err(CliError::Declined),
            Err(error) => Err(asked(error)),
        }
    }

    /// Whether a question can be asked.
    pub(crate) fn asks(self) -> bool {
        self.interactive
    }

    /// Asks which of several; the place of the answer.
    #[expect(clippy::unused_self, reason = "who asks has a terminal")]
    pub(crate) fn pick(self, question: &str, options: Vec<&str>) -> Result<usize, CliError> {
        inquire::Select::new(question, options).raw_prompt().map(|option| option.index).map_err(asked)
    }

    /// Asks for a text, suggesting one.
    #[expect(clippy::unused_self, reason = "who asks has a terminal")]
    pub(crate) fn ask(self, question: &str, suggestion: &str) -> Result<String, CliError> {
        inquire::Text::new(question).with_initial_value(suggestion).prompt().map_err(asked)
    }

    /// Asks for a text that is not shown while it is typed, twice where a slip would go unnoticed.
    #[expect(clippy::unused_self, reason = "who asks has a terminal")]
    pub(crate) fn ask_hidden(self, question: &str, twice: bool) -> Result<Secret, CliError> {
        let prompt = inquire::Password::new(question).with_display_mode(inquire::PasswordDisplayMode::Hidden);
        let prompt = if twice {
            prompt.with_custom_confirmation_message("Once more:")
        } else {
            prompt.without_confirmation()
        };
        prompt.prompt().map(Secret::new).map_err(asked)
    }

    /// Whether what is printed is seen by who sits there, and by nobody else.
    #[expect(clippy::unused_self, reason = "who prints has a terminal")]
    pub(crate) fn is_seen(self) -> bool {
        io::stdout().is_terminal() && io::stdin().is_terminal()
    }

    /// Asks for any number of a list.
    #[expect(clippy::unused_self, reason = "who asks has a terminal")]
    pub(crate) fn choose(self, question: &str, options: Vec<String>) -> Result<Vec<String>, CliError> {
        inquire::MultiSelect::new(question, options).prompt().map_err(asked)
    }
}

fn asked(error: inquire::InquireError) -> CliError {
    match error {
        inquire::InquireError::OperationCanceled | inquire::InquireError::OperationInterrupted => {
            CliError::Declined
        }
        other => CliError::Output(io::Error::other(other)),
    }
}

/// Where stderr is gone there is nobody left to tell.
pub(crate) fn to_stderr(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Tells what is done, as it is done.
pub(crate) fn trace(verbose: u8) {
    let level = if verbose > 1 { "trace" } else { "debug" };
    tracing_subscriber::fmt()
        .with_env_filter(format!(
            "devarch={level},devarch_app={level},devarch_engine={level},devarch_store={level}"
        ))
        .with_writer(io::stderr)
        .with_ansi(false)
        .init();
}
