//! The only way out for text: results to stdout, everything else to stderr, questions to who sits there.
//!
//! Nothing a value holds is obeyed by the terminal: text goes out as [`Shown`], which escapes what is put into it. What
//! goes out otherwise is said where it does: [`Terminal::data`] to pipes, [`Terminal::raw`] from `exec` and `shell`.

use crate::{
    Global,
    error::CliError,
    shown::{Show, Shown},
};
use devarch_core::{escape, secret::Secret};
use serde::Serialize;
use std::io::{self, IsTerminal as _, Write};
use tracing_subscriber::fmt::MakeWriter;

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

    /// A result as JSON.
    pub(crate) fn print_json<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CliError> {
        self.print(&Shown::pretty_json(value)?)
    }

    /// A result in the form that was asked for.
    pub(crate) fn result<T: Serialize + ?Sized, S: Show>(
        self,
        value: &T,
        text: impl FnOnce() -> S,
    ) -> Result<(), CliError> {
        if self.json { self.print_json(value) } else { self.print(&text()) }
    }

    /// A result that is data for another program: on a pipe every byte is as it is.
    pub(crate) fn data(self, text: &str) -> Result<(), CliError> {
        if io::stdout().is_terminal() {
            return self.print(text);
        }
        let line_end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
        self.raw(false, text.as_bytes())?;
        self.raw(false, line_end.as_bytes())
    }

    /// Something worth knowing that is not the result.
    #[expect(clippy::unused_self, reason = "who notes has a terminal")]
    pub(crate) fn note<T: Show + ?Sized>(self, text: &T) {
        to_stderr(text);
    }

    /// A line that a program in a container wrote, after a prefix of ours: a terminal obeys its colours, and nothing else of
    /// it; on a pipe every byte is as it is.
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

    /// What a program in a container wrote, as it is: the user asked for that program's terminal, or for its bytes.
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
        match inquire::Confirm::new(&escape::line(question)).with_default(false).prompt() {
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
        let options = options.into_iter().map(escape::line).collect();
        inquire::Select::new(&escape::line(question), options)
            .raw_prompt()
            .map(|option| option.index)
            .map_err(asked)
    }

    /// Asks for a text, suggesting one.
    #[expect(clippy::unused_self, reason = "who asks has a terminal")]
    pub(crate) fn ask(self, question: &str, suggestion: &str) -> Result<String, CliError> {
        let (question, suggestion) = (escape::line(question), escape::line(suggestion));
        inquire::Text::new(&question).with_initial_value(&suggestion).prompt().map_err(asked)
    }

    /// Asks for a text that is not shown while it is typed, twice where a slip would go unnoticed.
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
        prompt.prompt().map(Secret::new).map_err(asked)
    }

    /// Whether what is printed is seen by who sits there, and by nobody else.
    #[expect(clippy::unused_self, reason = "who prints has a terminal")]
    pub(crate) fn is_seen(self) -> bool {
        io::stdout().is_terminal() && io::stdin().is_terminal()
    }

    /// Asks for any number of a list; their places.
    #[expect(clippy::unused_self, reason = "who asks has a terminal")]
    pub(crate) fn choose(self, question: &str, options: &[String]) -> Result<Vec<usize>, CliError> {
        let options = options.iter().map(|option| escape::line(option)).collect();
        let chosen =
            inquire::MultiSelect::new(&escape::line(question), options).raw_prompt().map_err(asked)?;
        Ok(chosen.into_iter().map(|option| option.index).collect())
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
pub(crate) fn to_stderr<T: Show + ?Sized>(text: &T) {
    let _ = writeln!(anstream::stderr().lock(), "{}", text.shown().as_str());
}

/// What clap says about the arguments, or its help, in its colours. It quotes arguments: where one of them has something in
/// it that a terminal obeys there are no colours.
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
    // Where even this can't be written there is nobody to tell.
    let _ = writeln!(anstream::stdout().lock(), "{}", text.as_str());
}

/// Where traces go: each is written at once, as a whole.
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
