//! A PostgreSQL server for one test, which can restart it.

#![expect(clippy::disallowed_methods, reason = "the server under test, and what makes its files")]

use super::Sandbox;
use devarch_testkit::{real::skip, scope::free_port};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    env, fs,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Time limit for a start or stop.
const LIMIT: Duration = Duration::from_secs(30);

/// A server; stopped on drop.
pub(crate) struct Server {
    programs: PathBuf,
    directory: TempDir,
    port: u16,
    /// The account it runs as: PostgreSQL refuses to run as root.
    user: Option<(u32, u32)>,
    running: Option<Child>,
}

impl Server {
    /// Creates a server and makes the sandbox use it; `None` without PostgreSQL.
    pub(crate) fn create(sandbox: &mut Sandbox) -> Option<Self> {
        let Some(programs) = env::var_os("DEVARCH_TEST_POSTGRES_BIN").map(PathBuf::from) else {
            assert!(env::var("CI").as_deref() != Ok("true"), "DEVARCH_TEST_POSTGRES_BIN must be set in CI");
            skip("no PostgreSQL in DEVARCH_TEST_POSTGRES_BIN");
            return None;
        };
        let directory = tempfile::Builder::new().prefix("devarch-server").tempdir().unwrap();
        let root = rustix::process::geteuid().is_root();
        let user = root.then(|| account("postgres").unwrap());
        if let Some((uid, gid)) = user {
            chown(directory.path(), Some(uid), Some(gid)).unwrap();
        }
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let mut server = Self { programs, directory, port: free_port(), user, running: None };
        let mut initdb = server.command("initdb");
        initdb.args(["-U", "devarch", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
        assert!(initdb.stdout(Stdio::null()).status().unwrap().success(), "initdb");
        server.start();
        sandbox.database = Some(format!("postgres://devarch@127.0.0.1:{}/postgres", server.port));
        Some(server)
    }

    /// Stops the server and cuts its sessions, as a restart does.
    pub(crate) fn stop(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        let pid = Pid::from_raw(i32::try_from(running.id()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        let begun = Instant::now();
        while running.try_wait().unwrap().is_none() && begun.elapsed() < LIMIT {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = running.kill();
        running.wait().unwrap();
    }

    /// Starts the server and waits until it is ready.
    pub(crate) fn start(&mut self) {
        let socket = format!("unix_socket_directories={}", self.directory.path().display());
        let settings = ["listen_addresses=127.0.0.1", &socket, "fsync=off", "max_connections=60"];
        let mut command = self.command("postgres");
        command.args(["-p", &self.port.to_string()]);
        command.args(settings.into_iter().flat_map(|setting| ["-c", setting]));
        let log = fs::File::create(self.directory.path().join("log")).unwrap();
        self.running = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let begun = Instant::now();
        while !self.answers() {
            assert!(
                begun.elapsed() < LIMIT,
                "{}",
                fs::read_to_string(self.directory.path().join("log")).unwrap()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops and starts the server.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.start();
    }

    fn answers(&self) -> bool {
        let mut command = Command::new(self.programs.join("pg_isready"));
        let ready = command.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]).status();
        ready.is_ok_and(|status| status.success())
    }

    /// A PostgreSQL program for the server's data directory.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.arg("-D").arg(self.directory.path().join("data")).current_dir("/");
        command.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The user and group id of an account.
fn account(name: &str) -> Option<(u32, u32)> {
    let accounts = fs::read_to_string(Path::new("/etc/passwd")).ok()?;
    let line = accounts.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":x:"))?;
    let mut ids = line.split(':');
    Some((ids.next()?.parse().ok()?, ids.next()?.parse().ok()?))
}
