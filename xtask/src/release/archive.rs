//! A reproducible tar archive.

use crate::failure::{Context as _, Result};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};
use tar::{Builder, EntryType, Header};

/// The rights of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Text,
    Program,
}

impl Mode {
    fn bits(self) -> u32 {
        match self {
            Self::Text => 0o644,
            Self::Program => 0o755,
        }
    }
}

/// Files below one directory, in the order of their paths, with one time and root as their owner.
pub(crate) struct Archive {
    root: PathBuf,
    moment: u64,
    files: BTreeMap<PathBuf, (Vec<u8>, Mode)>,
}

impl Archive {
    /// An empty one.
    pub(crate) fn new(root: impl Into<PathBuf>, moment: u64) -> Self {
        Self { root: root.into(), moment, files: BTreeMap::new() }
    }

    /// Adds a file.
    pub(crate) fn add(&mut self, path: impl AsRef<Path>, content: Vec<u8>, mode: Mode) {
        self.files.insert(self.root.join(path), (content, mode));
    }

    /// Writes it.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let failed = || format!("cannot write {}", file.display());
        let out = BufWriter::new(File::create(file).context(failed())?);
        self.write_to(out).context(failed())
    }

    fn write_to(&self, out: impl Write) -> io::Result<()> {
        let mut builder = Builder::new(out);
        for directory in self.directories() {
            let mut header = self.header(0o755, 0);
            header.set_entry_type(EntryType::Directory);
            builder.append_data(&mut header, directory, io::empty())?;
        }
        for (path, (content, mode)) in &self.files {
            let length = u64::try_from(content.len()).map_err(io::Error::other)?;
            builder.append_data(&mut self.header(mode.bits(), length), path, content.as_slice())?;
        }
        builder.into_inner()?.flush()
    }

    fn directories(&self) -> BTreeSet<&Path> {
        let ancestors = self.files.keys().flat_map(|path| path.ancestors().skip(1));
        ancestors.filter(|directory| !directory.as_os_str().is_empty()).collect()
    }

    fn header(&self, mode: u32, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(mode);
        header.set_size(size);
        header.set_mtime(self.moment);
        header.set_uid(0);
        header.set_gid(0);
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(paths: &[&str]) -> Vec<u8> {
        let mut archive = Archive::new("devarch-1", 1_700_000_000);
        for path in paths {
            let mode = if path.starts_with("bin/") { Mode::Program } else { Mode::Text };
            archive.add(path, path.as_bytes().to_vec(), mode);
        }
        let mut out = Vec::new();
        archive.write_to(&mut out).unwrap();
        out
    }

    #[test]
    fn the_order_of_added_files_does_not_matter() {
        assert_eq!(archive(&["share/b", "bin/a"]), archive(&["bin/a", "share/b"]));
    }

    #[test]
    fn everything_is_in_one_directory_with_ordinary_permissions() {
        let bytes = archive(&["bin/a", "share/b"]);
        let mut read = tar::Archive::new(bytes.as_slice());
        let entries = read.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.mtime().unwrap(), header.uid().unwrap()), (1_700_000_000, 0));
            format!("{:o} {}", header.mode().unwrap(), entry.path().unwrap().display())
        });
        let entries: Vec<String> = entries.collect();
        assert_eq!(
            entries,
            [
                "755 devarch-1",
                "755 devarch-1/bin",
                "755 devarch-1/share",
                "755 devarch-1/bin/a",
                "644 devarch-1/share/b",
            ]
        );
    }
}
