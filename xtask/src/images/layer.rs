//! The difference between two directory trees, as the layer of an image.

use super::pruned::is_pruned;
use crate::failure::{Context as _, Result};
use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File, Metadata},
    io::{self, BufWriter, Write},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};
use tar::{Builder, EntryType, Header};

type Entries = BTreeMap<PathBuf, Metadata>;

/// Writes what a tree adds to its parent (everything, without a parent) as a layer.
pub(crate) fn write(tree: &Path, parent: Option<&Path>, layer: &Path) -> Result<()> {
    let failed = || format!("cannot write the layer {}", layer.display());
    let file = BufWriter::new(File::create(layer).context(failed())?);
    let parent = parent.map(|root| Ok((root, entries(root)?))).transpose().map_err(|error: io::Error| error);
    let parent = parent.context(failed())?;
    append(tree, parent.as_ref().map(|(root, entries)| (*root, entries)), file).context(failed())
}

fn append(tree: &Path, parent: Option<(&Path, &Entries)>, out: impl Write) -> io::Result<()> {
    let now = entries(tree)?;
    let mut layer = Layer::new(tree, out);
    for (path, metadata) in &now {
        let before = parent.and_then(|(root, before)| Some((root, before.get(path)?)));
        let unchanged = match before {
            Some((root, before)) => is_same(tree, root, path, (metadata, before))?,
            None => false,
        };
        if !unchanged {
            layer.add(path, metadata)?;
        }
    }
    for path in parent.into_iter().flat_map(|(_, before)| before.keys()) {
        // A removed name hides what is below it; one whiteout at the top is enough.
        let inside = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if !now.contains_key(path) && inside.is_none_or(|parent| now.contains_key(parent)) {
            layer.hide(path)?;
        }
    }
    layer.finish()
}

/// All paths of a tree that belong into an image.
fn entries(tree: &Path) -> io::Result<Entries> {
    let mut found = Entries::new();
    let mut open = vec![PathBuf::new()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(tree.join(&directory))? {
            let entry = entry?;
            let path = directory.join(entry.file_name());
            if is_pruned(&path) {
                continue;
            }
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                open.push(path.clone());
            }
            found.insert(path, metadata);
        }
    }
    Ok(found)
}

/// Whether an entry is the same in the parent and in the tree.
fn is_same(
    tree: &Path,
    parent: &Path,
    path: &Path,
    (now, before): (&Metadata, &Metadata),
) -> io::Result<bool> {
    if (now.mode(), now.uid(), now.gid()) != (before.mode(), before.uid(), before.gid()) {
        return Ok(false);
    }
    if now.is_symlink() {
        return Ok(fs::read_link(tree.join(path))? == fs::read_link(parent.join(path))?);
    }
    Ok(!now.is_file() || (now.size(), now.mtime()) == (before.size(), before.mtime()))
}

struct Layer<'a, W: Write> {
    tree: &'a Path,
    builder: Builder<W>,
    /// Files with several names, by their device and number, and the first of these names.
    linked: HashMap<(u64, u64), PathBuf>,
}

impl<'a, W: Write> Layer<'a, W> {
    fn new(tree: &'a Path, out: W) -> Self {
        let mut builder = Builder::new(out);
        builder.follow_symlinks(false);
        // Not every engine reads them.
        builder.sparse(false);
        Self { tree, builder, linked: HashMap::new() }
    }

    fn add(&mut self, path: &Path, metadata: &Metadata) -> io::Result<()> {
        if metadata.is_file() && metadata.nlink() > 1 {
            let number = (metadata.dev(), metadata.ino());
            if let Some(first) = self.linked.get(&number) {
                let mut header = Header::new_gnu();
                header.set_metadata(metadata);
                header.set_entry_type(EntryType::Link);
                header.set_size(0);
                return self.builder.append_link(&mut header, path, first);
            }
            self.linked.insert(number, path.to_owned());
        }
        self.builder.append_path_with_name(self.tree.join(path), path)
    }

    /// Marks a name of the parent as removed.
    fn hide(&mut self, path: &Path) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(0);
        header.set_mode(0o644);
        self.builder.append_data(&mut header, path.with_file_name(format!(".wh.{name}")), io::empty())
    }

    fn finish(self) -> io::Result<()> {
        self.builder.into_inner()?.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// The paths of a layer, with what they link to.
    fn list(layer: &Path) -> Vec<String> {
        let mut archive = tar::Archive::new(File::open(layer).unwrap());
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            match entry.link_name().unwrap() {
                Some(link) => format!("{path} -> {}", link.display()),
                None => path,
            }
        });
        entries.collect()
    }

    #[test]
    fn a_layer_contains_additions_and_marks_removals() {
        let root = tempfile::tempdir().unwrap();
        let (parent, tree, layer) =
            (root.path().join("a"), root.path().join("b"), root.path().join("layer.tar"));
        for tree in [&parent, &tree] {
            fs::create_dir_all(tree.join("etc")).unwrap();
            fs::create_dir_all(tree.join("tmp")).unwrap();
            fs::write(tree.join("etc/same"), "same").unwrap();
            File::options()
                .write(true)
                .open(tree.join("etc/same"))
                .unwrap()
                .set_modified(std::time::UNIX_EPOCH)
                .unwrap();
            symlink("same", tree.join("etc/link")).unwrap();
        }
        fs::create_dir_all(parent.join("gone/below")).unwrap();
        fs::write(parent.join("etc/old"), "").unwrap();
        fs::write(tree.join("etc/new"), "new").unwrap();
        fs::hard_link(tree.join("etc/new"), tree.join("etc/other")).unwrap();
        fs::write(tree.join("tmp/pruned"), "").unwrap();
        write(&tree, Some(&parent), &layer).unwrap();
        assert_eq!(list(&layer), ["etc/new", "etc/other -> etc/new", "etc/.wh.old", ".wh.gone"]);
        write(&tree, None, &layer).unwrap();
        assert_eq!(
            list(&layer),
            ["etc", "etc/link -> same", "etc/new", "etc/other -> etc/new", "etc/same", "tmp"]
        );
    }
}
