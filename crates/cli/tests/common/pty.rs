//! A pseudo-terminal to run the program at.

use super::{Ran, Sandbox};
use rustix::{
    fs::OFlags,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::AsFd as _,
    process::{Child, Command},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// A process at a terminal.
pub(crate) struct AtTerminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    reading: JoinHandle<()>,
}

impl Sandbox {
    /// Starts the program with its standard streams at a terminal of that size.
    pub(crate) fn at_terminal(&self, size: (u16, u16), args: &[&str]) -> AtTerminal {
        AtTerminal::start(size, self.command(args))
    }
}

impl AtTerminal {
    /// Starts a command with its standard streams at a terminal of that size.
    pub(crate) fn start((columns, rows): (u16, u16), mut command: Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        resize(&master, (columns, rows));
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave =
            rustix::fs::open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, rustix::fs::Mode::empty());
        let slave = File::from(slave.unwrap());
        command.env("TERM", "xterm").stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap());
        let child = command.stderr(slave).spawn().unwrap();
        let keyboard = File::from(master);
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (mut from, to) = (keyboard.try_clone().unwrap(), Arc::clone(&screen));
        let reading = thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Reading returns an error after the process has exited.
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                to.lock().unwrap().extend_from_slice(&buffer[..read]);
            }
        });
        drop(command);
        Self { child, keyboard, screen, reading }
    }
}

fn resize(terminal: impl std::os::fd::AsFd, (columns, rows): (u16, u16)) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).unwrap();
}

impl AtTerminal {
    /// Waits until the screen contains the text.
    pub(crate) fn shows(&self, text: &str) {
        let begun = Instant::now();
        while !self.text().contains(text) {
            assert!(begun.elapsed() < Duration::from_mins(1), "{text:?} is not shown: {}", self.text());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        super::signal(&self.child, rustix::process::Signal::INT);
    }

    /// Resizes the window and sends SIGWINCH.
    pub(crate) fn resize(&self, size: (u16, u16)) {
        resize(self.keyboard.as_fd(), size);
        super::signal(&self.child, rustix::process::Signal::WINCH);
    }

    /// Waits for the exit; the screen's content becomes standard output.
    pub(crate) fn end(mut self) -> Ran {
        let begun = Instant::now();
        let code = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status.code().unwrap_or(-1),
                None if begun.elapsed() > Duration::from_mins(1) => {
                    self.child.kill().unwrap();
                    panic!("it does not end: {}", self.text());
                }
                None => thread::sleep(Duration::from_millis(20)),
            }
        };
        self.reading.join().unwrap();
        let stdout = String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned();
        Ran { code, stdout, stderr: String::new() }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }
}
