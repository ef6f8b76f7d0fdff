//! Other users that run the program.

use std::{
    env, fs,
    os::unix::{
        fs::{MetadataExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::Command,
};

/// A user account.
#[derive(Debug)]
pub(crate) struct User {
    uid: u32,
    gid: u32,
    /// Variables that locate the user's directories.
    variables: Vec<(&'static str, PathBuf)>,
}

impl User {
    /// The `nobody` account, which has no home.
    pub(crate) fn nobody() -> Self {
        Self { uid: 65_534, gid: 65_534, variables: Vec::new() }
    }

    /// The owner of a Podman socket, which is in `podman/` of the runtime directory.
    pub(crate) fn owner_of(socket: &Path) -> Self {
        let (uid, gid) = socket.metadata().map(|socket| (socket.uid(), socket.gid())).unwrap();
        let runtime = socket.ancestors().nth(2).unwrap().to_owned();
        let mut variables = vec![("HOME", home(uid)), ("XDG_RUNTIME_DIR", runtime)];
        let conf = env::var_os("DEVARCH_TEST_CONTAINERS_CONF").map(PathBuf::from);
        variables.extend(conf.map(|conf| ("CONTAINERS_CONF", conf)));
        Self { uid, gid, variables }
    }

    /// Copies the program into a directory and gives all of it to the user.
    pub(crate) fn take_over(&self, root: &Path) {
        let program = program_in(root);
        if !program.exists() {
            fs::copy(env!("CARGO_BIN_EXE_devarch"), &program).unwrap();
        }
        for entry in fs::read_dir(root).unwrap() {
            chown(entry.unwrap().path(), Some(self.uid), Some(self.gid)).unwrap();
        }
        chown(root, Some(self.uid), Some(self.gid)).unwrap();
    }

    /// Runs a command as the user.
    pub(crate) fn runs(&self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }
}

/// Where `take_over` puts the program.
pub(crate) fn program_in(root: &Path) -> PathBuf {
    root.join("devarch")
}

fn home(uid: u32) -> PathBuf {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let mut users = fields.filter(|fields| fields.get(2).is_some_and(|field| field.parse() == Ok(uid)));
    PathBuf::from(users.next().unwrap()[5])
}
