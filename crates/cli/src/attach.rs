//! Runs a command in a container with this terminal's streams, size and exit code.

use crate::{
    error::{CliError, Done},
    exit::Exit,
    terminal::Terminal,
};
use devarch_app::Shell;
use devarch_core::secret::MaskedStream;
use devarch_engine::{ExecIo, ExecRequest, TerminalSize};
use futures_util::StreamExt as _;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use std::{
    io::{self, IsTerminal as _},
    pin::Pin,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    signal::unix::{SignalKind, signal},
};

/// How long to hold back output that may be the beginning of a secret.
const HELD: Duration = Duration::from_millis(100);

/// This terminal's size; `None` if stdin or stdout is not a terminal.
pub(crate) fn terminal_size() -> Option<TerminalSize> {
    let both = io::stdin().is_terminal() && io::stdout().is_terminal();
    let size = if both { tcgetwinsize(io::stdout()).ok()? } else { return None };
    Some(TerminalSize { columns: size.ws_col, rows: size.ws_row })
}

/// Runs a command to its exit and returns its exit code.
pub(crate) async fn run(terminal: Terminal, shell: &Shell, request: &ExecRequest) -> Done {
    let ExecIo { id, stdin, mut output } = shell.exec(request).await?;
    let raw = if request.tty.is_some() { Some(RawMode::enter()?) } else { None };
    let mut resized = signal(SignalKind::window_change())?;
    let mut ended = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    let feeding = tokio::spawn(feed(stdin));
    let mut masked = [MaskedStream::new(shell.mask.clone()), MaskedStream::new(shell.mask.clone())];
    loop {
        let waits = masked.iter().any(MaskedStream::is_holding);
        tokio::select! {
            chunk = output.next() => match chunk {
                Some(Ok(chunk)) => {
                    let shown = masked[usize::from(chunk.stderr)].push(&chunk.bytes);
                    terminal.raw(chunk.stderr, &shown)?;
                }
                // Podman cuts the connection of a command that exits without reading its input.
                Some(Err(_)) if shell.engine.exec_exit_code(&id).await.is_ok_and(|code| code.is_some()) => break,
                Some(Err(error)) => return Err(devarch_app::OperationError::from(error).into()),
                None => break,
            },
            // A prompt may look like the beginning of a secret, so it is not held back for long.
            () = tokio::time::sleep(HELD), if waits => pass_on(terminal, &mut masked)?,
            _ = resized.recv() => {
                if let (Some(_), Some(size)) = (&raw, terminal_size()) {
                    // The command may have exited already.
                    let _ = shell.engine.resize_exec(&id, size).await;
                }
            }
            _ = ended.recv() => return Ok(Exit::CANCELLED),
            _ = hung_up.recv() => return Ok(Exit::CANCELLED),
        }
    }
    pass_on(terminal, &mut masked)?;
    feeding.abort();
    drop(raw);
    let code = shell.exit_code(&id).await?;
    Ok(Exit(u8::try_from(code & 0xff).unwrap_or(u8::MAX)))
}

/// Prints the output that was held back.
fn pass_on(terminal: Terminal, masked: &mut [MaskedStream; 2]) -> Result<(), CliError> {
    for (stderr, stream) in [false, true].into_iter().zip(masked) {
        terminal.raw(stderr, &stream.rest())?;
    }
    Ok(())
}

/// Copies standard input to the command until either ends.
async fn feed(mut to: Pin<Box<dyn AsyncWrite + Send>>) -> io::Result<()> {
    let mut from = tokio::io::stdin();
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
        to.flush().await?;
    }
}

/// Puts the terminal into raw mode, until dropped.
struct RawMode(Termios);

impl RawMode {
    fn enter() -> Result<Self, CliError> {
        let before = tcgetattr(io::stdin()).map_err(io::Error::from)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw).map_err(io::Error::from)?;
        Ok(Self(before))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.0);
    }
}
