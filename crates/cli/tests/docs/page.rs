//! Documentation pages and their parts.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A documentation page.
pub(crate) struct Page {
    /// Path relative to the repository's root.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The line of its opening fence.
    pub(crate) line: usize,
    /// The info string after the fence.
    pub(crate) language: String,
    /// Whether it follows `<!-- story -->`.
    pub(crate) story: bool,
    pub(crate) text: String,
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// All pages: those in the root, in `docs` and in `examples`.
pub(crate) fn pages() -> Vec<Page> {
    let root = root();
    let mut paths: Vec<PathBuf> = markdown_in(&root, false);
    paths.extend(["docs", "examples"].iter().flat_map(|directory| markdown_in(&root.join(directory), true)));
    paths.sort();
    let page = |path: PathBuf| Page {
        path: path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(),
        text: fs::read_to_string(&path).unwrap(),
    };
    paths.into_iter().map(page).collect()
}

fn markdown_in(directory: &Path, below: bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let mut found: Vec<PathBuf> =
        files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    if below {
        found.extend(directories.iter().flat_map(|directory| markdown_in(directory, true)));
    }
    found
}

impl Page {
    /// Its fenced blocks, and all other lines with their numbers.
    fn split(&self) -> (Vec<Block>, Vec<(usize, &str)>) {
        let (mut blocks, mut prose, mut open) = (Vec::new(), Vec::<(usize, &str)>::new(), None::<Block>);
        for (number, line) in (1..).zip(self.text.lines()) {
            match (open.as_mut(), line.strip_prefix("```")) {
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => block.text.extend([line, "\n"]),
                (None, Some(language)) => {
                    let story = prose.last().is_some_and(|(_, before)| *before == "<!-- story -->");
                    let language = language.to_owned();
                    open = Some(Block { line: number, language, story, text: String::new() });
                }
                (None, None) => prose.push((number, line)),
            }
        }
        assert_eq!(open, None, "{}: a fence is not closed", self.path);
        (blocks, prose)
    }

    pub(crate) fn blocks(&self) -> Vec<Block> {
        self.split().0
    }

    /// The lines outside of fenced blocks, with their numbers.
    pub(crate) fn prose(&self) -> Vec<(usize, &str)> {
        self.split().1
    }

    /// The blocks of a language, with their positions.
    pub(crate) fn blocks_of(&self, language: &str) -> Vec<(String, Block)> {
        let blocks = self.blocks().into_iter().filter(|block| block.language == language);
        blocks.map(|block| (format!("{}:{}", self.path, block.line), block)).collect()
    }
}

#[test]
fn every_block_names_its_language() {
    const KNOWN: [&str; 5] = ["sh", "yaml", "text", "toml", "rust"];
    for page in pages() {
        for block in page.blocks() {
            let known = KNOWN.contains(&block.language.as_str());
            assert!(known, "{}:{}: a block of {:?}", page.path, block.line, block.language);
        }
        for (number, line) in page.prose() {
            let indented = line.starts_with("    ") && line.trim_start().starts_with("devarch ");
            assert!(!indented, "{}:{number}: put the example into a fenced block", page.path);
        }
    }
}

#[test]
fn pages_stay_within_their_size_limit() {
    let lines = |path: &str| fs::read_to_string(root().join(path)).unwrap().lines().count();
    assert!(lines("README.md") < 120, "README.md: what is longer belongs into docs/guide");
    assert!(lines("ARCHITECTURE.md") < 200, "ARCHITECTURE.md: reasons belong into docs/decisions");
}
