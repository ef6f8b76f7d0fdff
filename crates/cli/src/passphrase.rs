//! Reads secrets from a prompt without echo or from a pipe, never from an argument.

use crate::{error::CliError, terminal::Terminal};
use devarch_core::secret::Secret;
use devarch_files::{FileKind, ReadError, Source, read_secret_stream};
use std::{
    fs::OpenOptions,
    io::{self, IsTerminal as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};
use zeroize::Zeroizing;

/// Reads a secret from a prompt without echo, or from stdin without its last line end.
pub(crate) fn ask(terminal: Terminal, question: &str) -> Result<Secret, CliError> {
    if terminal.interactive {
        return terminal.ask_hidden(question, true);
    }
    if io::stdin().is_terminal() {
        return Err(CliError::NoTerminal("a secret".to_owned()));
    }
    let text = stdin()?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text)))
}

/// Reads a new passphrase: from a file, or from a prompt with confirmation.
pub(crate) fn new(terminal: Terminal, file: Option<&Path>) -> Result<Secret, CliError> {
    match file {
        Some(path) => from_file(path),
        None if terminal.interactive => terminal.ask_hidden("Passphrase for the key:", true),
        None => Err(no_terminal()),
    }
}

/// Reads an existing passphrase: from a file, or from a prompt.
pub(crate) fn known(terminal: Terminal, file: Option<&Path>) -> Result<Secret, CliError> {
    match file {
        Some(path) => from_file(path),
        None if terminal.interactive => terminal.ask_hidden("Passphrase of the key:", false),
        None => Err(no_terminal()),
    }
}

fn no_terminal() -> CliError {
    CliError::Invalid(
        "there is no terminal to ask for the passphrase at; use --passphrase-file FILE".to_owned(),
    )
}

fn from_file(path: &Path) -> Result<Secret, CliError> {
    let text = read_text(path)?;
    Ok(Secret::new(text.trim_end_matches(['\n', '\r'])))
}

/// Reads a file or stdin as text.
pub(crate) fn read_text(path: &Path) -> Result<Zeroizing<String>, CliError> {
    if path.as_os_str() == "-" {
        return stdin();
    }
    let bytes = Source::given(path, FileKind::Secret).and_then(Source::secret_bytes);
    text(&path.display().to_string(), bytes)
}

fn stdin() -> Result<Zeroizing<String>, CliError> {
    text("stdin", read_secret_stream(io::stdin().lock(), "stdin", FileKind::Secret))
}

fn text(called: &str, bytes: Result<Zeroizing<Vec<u8>>, ReadError>) -> Result<Zeroizing<String>, CliError> {
    let bytes = bytes.map_err(|error| CliError::Invalid(error.to_string()))?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(CliError::Invalid(format!("{called} is not UTF-8; a secret is a text"))),
    }
}

/// Writes a new private file, or stdout.
pub(crate) fn write(terminal: Terminal, path: &Path, text: &str) -> Result<(), CliError> {
    if path.as_os_str() == "-" {
        return terminal.data(text);
    }
    let shown = path.display();
    let refused = |error: io::Error| CliError::Invalid(format!("{shown}: {error}; nothing was written"));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(refused)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(refused)
}
