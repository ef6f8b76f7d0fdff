//! What `--down` has to undo. Recorded from the first run on.

use crate::{
    engine::EngineName,
    failure::{Context as _, Failure, Result},
    repository::Repository,
};
use clap::ValueEnum as _;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Files in the target directory.
pub(crate) struct Record {
    directory: PathBuf,
    home: PathBuf,
}

impl Record {
    /// The record of a checkout's demo.
    pub(crate) fn of(repository: &Repository) -> Self {
        Self { directory: repository.target(".demo"), home: repository.target(".demo-home") }
    }

    /// The demo's own DevArch home.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// Whether there is anything to undo.
    pub(crate) fn exists(&self) -> bool {
        self.home.is_dir() || self.directory.is_dir()
    }

    /// The engine that the demo is up on.
    pub(crate) fn engine(&self) -> Option<EngineName> {
        let name = fs::read_to_string(self.directory.join("engine")).ok()?;
        EngineName::from_str(name.trim(), false).ok()
    }

    /// Notes the engine, and whether it ran before.
    pub(crate) fn begin(&self, engine: EngineName, was_running: bool) -> Result<()> {
        match self.engine() {
            None => {
                if was_running {
                    self.write("engine-was-running", "")?;
                }
                self.write("engine", &format!("{engine}\n"))
            }
            Some(known) if known == engine => Ok(()),
            Some(known) => Err(Failure::new(format!("the demo is up on {known}"))
                .help("run `scripts/demo --down`, then this again")),
        }
    }

    /// Whether the demo started the engine.
    pub(crate) fn has_started_engine(&self) -> bool {
        self.engine().is_some() && !self.directory.join("engine-was-running").exists()
    }

    /// Whether the images that were missing are noted.
    pub(crate) fn has_images(&self) -> bool {
        self.directory.join("images").exists()
    }

    /// Notes the images that the engine lacked.
    pub(crate) fn note_images(&self, images: &[String]) -> Result<()> {
        self.write("images", &images.join("\n"))
    }

    /// The images that the demo brought.
    pub(crate) fn images(&self) -> Vec<String> {
        let text = fs::read_to_string(self.directory.join("images")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Removes the home.
    pub(crate) fn forget_home(&self) -> Result<()> {
        fs::remove_dir_all(&self.home).context(format!("cannot remove {}", self.home.display()))
    }

    /// Removes the record itself.
    pub(crate) fn forget(&self) -> Result<()> {
        if !self.directory.exists() {
            return Ok(());
        }
        fs::remove_dir_all(&self.directory).context(format!("cannot remove {}", self.directory.display()))
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let failed = || format!("cannot write to {}", self.directory.display());
        fs::create_dir_all(&self.directory).context(failed())?;
        fs::write(self.directory.join(name), text).context(failed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_run_is_recorded_and_another_engine_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let record = Record { directory: root.path().join("demo"), home: root.path().join("home") };
        assert!(!record.exists() && record.engine().is_none() && !record.has_started_engine());
        record.begin(EngineName::Podman, false).unwrap();
        record.begin(EngineName::Podman, true).unwrap();
        assert!(record.has_started_engine(), "what ran later did not run before");
        assert!(record.begin(EngineName::Docker, true).is_err());
        assert!(!record.has_images());
        record.note_images(&["a:1".to_owned(), "b:1".to_owned()]).unwrap();
        assert_eq!(record.images(), ["a:1", "b:1"]);
        record.forget().unwrap();
        assert!(!record.exists());
    }
}
