//! All output of the program: results to stdout, everything else and prompts to stderr.
//!
//! Values cannot control the terminal: text is printed as [`Shown`], which escapes it. The exceptions are
//! [`Terminal::data`] on pipes and [`Terminal::raw`] for `exec` and `shell`.

use crate::{
    Global,
    error::CliError,
    shown::{Show, Shown},
};
use devarch_core::{escape, secret::Secret};
use serde::Serialize;
use std::io::{self, IsTerminal as _, Write};
use tracing_subscriber::fmt::MakeWriter;

/// How output is written and whether questions are asked.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact by itself")]
pub(crate) struct Terminal {
    /// Prints JSON instead of text.
    pub(crate) json: bool,
    /// Answers every question with yes.
    pub(crate) yes: bool,
    /// Whether progress can be drawn.
    pub(crate) live: bool,
    /// Whether questions can be asked.
    pub(crate) interactive: bool,
}

impl Terminal {
    /// Derives the settings from the flags and the standard streams.
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

    /// Prints a result, and a line end if it has none.
    #[expect(clippy::unused_self, reason = "who prints has a terminal")]
    pub(crate) fn print<T: Show + ?Sized>(self, text: &T) -> Result<(), CliError> {
        let text = text.shown();
        let text = text.as_str();
        let mut out = anstream::stdout().lock();
        write!(out, "{text}")?;
        if !text.ends_with('\n') && !text.is_empty() {
            writeln!(out)?;
        }
        Ok(out.flush()?)
    }

    /// Prints a result as JSON.
    pub(crate) fn print_json<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CliError> {
        self.print(&Shown::pretty_json(value)?)
    }

    /// Prints a result as JSON or text.
    pub(crate) fn result<T: Serialize + ?Sized, S: Show>(
        self,
        value: &T,
        text: impl FnOnce() -> S,
    ) -> Result<(), CliError> {
        if self.json { self.print_json(value) } else { self.print(&text()) }
    }

    /// Prints data for another program: unchanged on a pipe, escaped on a terminal.
    pub(crate) fn data(self, text: &str) -> Result<(), CliError> {
        if io::stdout().is_terminal() {
            return self.print(text);
        }
        let line_end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
        self.raw(false, text.as_bytes())?;
        self.raw(false, line_end.as_bytes())
    }

    /// Prints additional information to stderr.
    #[expect(clippy::unused_self, reason = "who notes has a terminal")]
    pub(crate) fn note<T: Show + ?Sized>(self, text: &T) {
        to_stderr(text);
    }

    /// Prints a line of a container's output after a prefix: on a terminal only colours are kept, on a pipe every
    /// byte.
    pub(crate) fn log_line(self, prefix: &Shown, bytes: &[u8]) -> Result<(), CliError> {
        if io::stdout().is_terminal() {
            let mut line = prefix.clone();
            line.append(&Shown::coloured_line(bytes));
            line.end_line();
            return self.print(&line);
        }
        write!(anstream::stdout().lock(), "{}", prefix.as_str())?;
        self.raw(false, &[bytes, b"\n"].concat())
    }

    /// Prints a container's output unchanged, for commands that connect it to this terminal.
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

    /// Asks for confirmation; `what` names the action in the error without a terminal.
    pub(crate) fn confirm(self, question: &str, what: &str) -> Result<(), CliError> {
        if self.yes {
            return Ok(());
        }
        if !self.interactive {
            return Err(CliError::NoTerminal(what.to_owned()));
        }
        match inquire::Confirm::new(&escape::line(question)).with_default(false).prompt() {
            Ok(true) => Ok(()),
            Ok(false) => Err(CliError::Declined),
            Err(error) => Err(prompt_error(error)),
        }
    }

    /// Whether questions can be asked.
    pub(crate) fn asks(self) -> bool {
        self.interactive
    }

    /// Asks to select an option; returns its index.
    #[expect(clippy::unused_self, reason = "who asks has a terminal")]
    pub(crate) fn pick(self, question: &str, options: Vec<&str>) -> Result<usize, CliError> {
        let options = options.into_iter().map(escape::line).collect();
        inquire::Select::new(&escape::line(question), options)
            .raw_prompt()
            .map(|option| option.index)
            .map_err(prompt_error)
    }

    /// Asks for a text, with a suggestion.
    #[expect(clippy::unused_self, reason = "who asks has a terminal")]
    pub(crate) fn ask(self, question: &str, suggestion: &str) -> Result<String, CliError> {
        let (question, suggestion) = (escape::line(question), escape::line(suggestion));
        inquire::Text::new(&question).with_initial_value(&suggestion).prompt().map_err(prompt_error)
    }

    /// Asks for a text without echo, with a confirmation if `twice`.
    #[expect(clippy::unused_self, reason = "who asks has a terminal")]
    pub(crate) fn ask_hidden(self, question: &str, twice: bool) -> Result<Secret, CliError> {
        let question = escape::line(question);
        let prompt =
            inquire::Password::new(&question).with_display_mode(inquire::PasswordDisplayMode::Hidden);
        let prompt = if twice {
            prompt.with_custom_confirmation_message("Once more:")
        } else {
            prompt.without_confirmation()
        };
        prompt.prompt().map(Secret::new).map_err(prompt_error)
    }

    /// Whether stdin and stdout are terminals, so that only the user sees the output.
    #[expect(clippy::unused_self, reason = "who prints has a terminal")]
    pub(crate) fn is_private(self) -> bool {
        io::stdout().is_terminal() && io::stdin().is_terminal()
    }

    /// Asks to select any number of options; returns their indexes.
    #[expect(clippy::unused_self, reason = "who asks has a terminal")]
    pub(crate) fn choose(self, question: &str, options: &[String]) -> Result<Vec<usize>, CliError> {
        let options = options.iter().map(|option| escape::line(option)).collect();
        let chosen =
            inquire::MultiSelect::new(&escape::line(question), options).raw_prompt().map_err(prompt_error)?;
        Ok(chosen.into_iter().map(|option| option.index).collect())
    }
}

fn prompt_error(error: inquire::InquireError) -> CliError {
    match error {
        inquire::InquireError::OperationCanceled | inquire::InquireError::OperationInterrupted => {
            CliError::Declined
        }
        other => CliError::Output(io::Error::other(other)),
    }
}

/// A closed stderr is ignored.
pub(crate) fn to_stderr<T: Show + ?Sized>(text: &T) {
    let _ = writeln!(anstream::stderr().lock(), "{}", text.shown().as_str());
}

/// Prints errors and help of clap, with its colours. The errors quote arguments, so there are no colours if an
/// argument contains control characters.
pub(crate) fn usage(error: &clap::Error) {
    let hostile = |arg: std::ffi::OsString| arg.to_string_lossy().contains(escape::is_control);
    let text = if std::env::args_os().any(hostile) {
        error.render().to_string().shown().into_owned()
    } else {
        Shown::rendered(&error.render().ansi().to_string())
    };
    if error.use_stderr() {
        to_stderr(&text);
        return;
    }
    // A closed stdout is ignored.
    let _ = writeln!(anstream::stdout().lock(), "{}", text.as_str());
}

/// Writes each trace as a whole to stderr, escaped.
pub(crate) struct EscapedStderr;

impl MakeWriter<'_> for EscapedStderr {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

impl Write for EscapedStderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        io::stderr().lock().write_all(escape::block(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
