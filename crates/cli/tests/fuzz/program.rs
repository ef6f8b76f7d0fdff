//! The program with its own home and no engine, within limits.

use crate::{common, limits};
use std::{
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The documented exit codes.
const DOCUMENTED: &[i32] = &[0, 1, 2, 3, 4, 5, 6, 7, 129, 130, 143];

/// A home with a stack, and a project directory.
pub(crate) struct Sandbox(common::Sandbox);

/// The output of the program.
pub(crate) struct Ended {
    pub(crate) stdout: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let sandbox = common::Sandbox::without_engine();
        std::fs::create_dir(sandbox.project().join("sub")).unwrap();
        sandbox.ok(&["stack", "create", "shop"]);
        sandbox.ok(&["instance", "add", "shop/web", "busybox"]);
        sandbox.ok(&["instance", "add", "shop/db", "postgres"]);
        Self(sandbox)
    }

    /// Writes the project's devarch.yml.
    pub(crate) fn write(&self, text: &str) {
        std::fs::write(self.0.project().join("devarch.yml"), text).unwrap();
    }

    /// Runs the program; fails on an undocumented exit code, a hang or too much memory.
    pub(crate) fn run(&self, name: &str, words: &[String]) -> Ended {
        let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.contains('\0')).collect();
        let program = self.0.command(&words);
        let mut child = limited(&program).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (read(child.stdout.take()), read(child.stderr.take()));
        let begun = Instant::now();
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if begun.elapsed() > limits::LONGEST => {
                    child.kill().unwrap();
                    panic!("{name} does not end: devarch {words:?}");
                }
                None => thread::sleep(Duration::from_millis(2)),
            }
        };
        let (stdout, stderr) = (out.join().unwrap(), err.join().unwrap());
        let is_documented = |code: i32| DOCUMENTED.contains(&code) || words.contains(&"run");
        assert!(
            status.code().is_some_and(is_documented) && !stderr.contains("panicked at"),
            "{name} ends with {status}: devarch {words:?}\n{stdout}\n{stderr}"
        );
        Ended { stdout }
    }
}

/// The same command with a memory limit that the system enforces.
fn limited(program: &Command) -> Command {
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("ulimit -d {}; exec \"$0\" \"$@\"", limits::MOST)]);
    command.arg(program.get_program()).args(program.get_args()).env_clear().stdin(Stdio::null());
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(program.get_current_dir().unwrap());
    command
}

fn read(from: Option<impl std::io::Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.unwrap().read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
