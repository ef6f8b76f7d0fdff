//! Paths: the checkout, cargo's target directory, and the state that scripts share.

use crate::{
    failure::{Context as _, Failure, Result},
    process,
    terminal::note,
};
use std::{
    env,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

/// The directories of a checkout.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    root: PathBuf,
    target: PathBuf,
    state: PathBuf,
}

impl Repository {
    /// The checkout this program was built from, with the directories that the environment names.
    pub(crate) fn open() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let root = root.canonicalize().context(format!("cannot open {}", root.display()))?;
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let state = state_directory()?;
        fs::create_dir_all(&state).context(format!("cannot make the state directory {}", state.display()))?;
        Ok(Self { root, target, state })
    }

    /// A path in the checkout.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// A path in cargo's target directory.
    pub(crate) fn target(&self, inside: &str) -> PathBuf {
        self.target.join(inside)
    }

    /// A path in the state directory.
    pub(crate) fn state(&self, inside: &str) -> PathBuf {
        self.state.join(inside)
    }

    /// The file of a named log.
    pub(crate) fn log(&self, name: &str) -> Result<PathBuf> {
        let directory = self.state("log");
        fs::create_dir_all(&directory).context(format!("cannot make {}", directory.display()))?;
        Ok(directory.join(format!("{name}.log")))
    }

    /// Waits for a lock that all runs of these tasks and scripts share. It ends with the returned file.
    pub(crate) fn lock(&self, name: &str) -> Result<File> {
        let path = self.state(&format!("{name}.lock"));
        let file = File::options().create(true).append(true).open(&path);
        let file = file.context(format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => note(format!("waiting for another run ({name})")),
            Err(TryLockError::Error(error)) => {
                return Err(error).context(format!("cannot lock {}", path.display()));
            }
        }
        file.lock().context(format!("cannot lock {}", path.display()))?;
        Ok(file)
    }
}

fn state_directory() -> Result<PathBuf> {
    let named = env::var_os("DEVARCH_DEV_STATE").filter(|value| !value.is_empty());
    if let Some(named) = named {
        return Ok(named.into());
    }
    if process::is_root() {
        return Ok("/var/lib/devarch-dev".into());
    }
    let base = env::var_os("XDG_STATE_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = base.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".local/state")));
    let missing =
        || Failure::new("HOME is not set").help("set DEVARCH_DEV_STATE to a directory you can write");
    base.map(|base| base.join("devarch-dev")).ok_or_else(missing)
}
