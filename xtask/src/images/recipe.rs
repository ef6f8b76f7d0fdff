//! The recipes of stand-ins: directories in `scripts/lib/standins`.
//!
//! - `recipe`: `name=` (the image), `from=` (another recipe, or empty), `packages=`
//! - `image.json`: the image's configuration
//! - `before`: run in the root before packages are installed (users with the real image's ids)
//! - `files/`: copied over the root
//! - `setup`: run in the root at the end

use crate::failure::{Context as _, Failure, Result};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Increased when a change of the build code changes its result.
const FORMAT: u32 = 1;

/// The suite of the packages.
pub(crate) const SUITE: &str = "bookworm";

/// How many digits of a hash distinguish recipes.
const DIGITS: usize = 16;

/// How one stand-in is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipe {
    /// Its directory's name.
    pub(crate) id: String,
    /// The image it stands in for; a base may have none.
    pub(crate) image: Option<String>,
    /// The recipe whose image it extends.
    pub(crate) parent: Option<String>,
    pub(crate) packages: Vec<String>,
    pub(crate) directory: PathBuf,
    /// Identifies the result: a hash of all inputs.
    pub(crate) hash: String,
}

/// All recipes.
pub(crate) struct Recipes {
    by_id: BTreeMap<String, Recipe>,
}

impl Recipes {
    /// Reads the recipes in a directory, whose packages come from a mirror.
    pub(crate) fn read(directory: &Path, mirror: &str) -> Result<Self> {
        let mut by_id = BTreeMap::new();
        let unreadable = || format!("cannot read {}", directory.display());
        for entry in fs::read_dir(directory).context(unreadable())? {
            let entry = entry.context(unreadable())?;
            let id = entry.file_name().to_string_lossy().into_owned();
            by_id.insert(id.clone(), Recipe::read(id, entry.path())?);
        }
        let mut recipes = Self { by_id };
        for id in recipes.ids() {
            let hash = recipes.hash(&id, mirror)?;
            recipes.get_mut(&id)?.hash = hash;
        }
        Ok(recipes)
    }

    fn ids(&self) -> Vec<String> {
        self.by_id.keys().cloned().collect()
    }

    /// The recipe in a directory of that name.
    pub(crate) fn get(&self, id: &str) -> Result<&Recipe> {
        self.by_id.get(id).context(format!("there is no recipe '{id}'"))
    }

    fn get_mut(&mut self, id: &str) -> Result<&mut Recipe> {
        self.by_id.get_mut(id).context(format!("there is no recipe '{id}'"))
    }

    /// The recipe of an image's stand-in.
    pub(crate) fn for_image(&self, image: &str) -> Option<&Recipe> {
        self.by_id.values().find(|recipe| recipe.image.as_deref() == Some(image))
    }

    /// The same, or what to do without one.
    pub(crate) fn require(&self, image: &str) -> Result<&Recipe> {
        let missing = || {
            Failure::new(format!("there is no stand-in for {image}"))
                .help("`scripts/images standins` lists them")
        };
        self.for_image(image).ok_or_else(missing)
    }

    /// Every image with a stand-in, in order.
    pub(crate) fn images(&self) -> Vec<String> {
        let mut images: Vec<String> = self.by_id.values().filter_map(|recipe| recipe.image.clone()).collect();
        images.sort();
        images
    }

    /// A recipe and those it extends, the lowest first.
    pub(crate) fn chain(&self, recipe: &Recipe) -> Result<Vec<&Recipe>> {
        let mut chain = vec![self.get(&recipe.id)?];
        while let Some(parent) = chain.last().and_then(|last| last.parent.as_deref()) {
            if chain.iter().any(|known| known.id == parent) {
                return Err(Failure::new(format!("the recipe '{parent}' extends itself")));
            }
            chain.push(self.get(parent)?);
        }
        chain.reverse();
        Ok(chain)
    }

    /// Whether another recipe extends this one.
    pub(crate) fn is_extended(&self, recipe: &Recipe) -> bool {
        self.by_id.values().any(|other| other.parent.as_deref() == Some(&recipe.id))
    }

    fn hash(&self, id: &str, mirror: &str) -> Result<String> {
        let chain = self.chain(self.get(id)?)?;
        chain.into_iter().try_fold(String::new(), |parent, recipe| {
            let sums = sums(&recipe.directory, &recipe.id)?;
            let text = format!("{FORMAT} {SUITE} {mirror} {parent}\n{sums}");
            Ok(digest(text.as_bytes())[..DIGITS].to_owned())
        })
    }
}

impl Recipe {
    fn read(id: String, directory: PathBuf) -> Result<Self> {
        let file = directory.join("recipe");
        let text = fs::read_to_string(&file).context(format!("cannot read {}", file.display()))?;
        let field = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            value.map(|value| value.trim_matches('\'').to_owned()).filter(|value| !value.is_empty())
        };
        let packages = field("packages").unwrap_or_default();
        Ok(Self {
            image: field("name"),
            parent: field("from"),
            packages: packages.split_whitespace().map(str::to_owned).collect(),
            hash: String::new(),
            id,
            directory,
        })
    }
}

/// One line for each file below a directory, as `sha256sum` prints it, in the order of their paths.
fn sums(directory: &Path, id: &str) -> Result<String> {
    let mut lines = String::new();
    for file in files(directory)? {
        let content =
            fs::read(directory.join(&file)).context(format!("cannot read {file} of the recipe '{id}'"))?;
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{}  {id}/{file}", digest(&content));
    }
    Ok(lines)
}

/// The paths of all files below a directory, in order.
pub(crate) fn files(directory: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        let unreadable = || format!("cannot read {}", next.display());
        for entry in fs::read_dir(&next).context(unreadable())? {
            let path = entry.context(unreadable())?.path();
            if path.is_dir() {
                open.push(path);
            } else if let Ok(inside) = path.strip_prefix(directory) {
                found.push(inside.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// SHA-256 in lower-case digits.
pub(crate) fn digest(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

/// Bytes in lower-case digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn recipes(root: &Path) -> Recipes {
        write(root, "base/recipe", "name=\nfrom=\n");
        write(root, "base/files/etc/a", "a\n");
        write(root, "web/recipe", "name=web:1\nfrom=base\npackages='one two'\n");
        Recipes::read(root, "http://mirror").unwrap()
    }

    #[test]
    fn a_recipe_is_read_with_its_parent_and_packages() {
        let root = tempfile::tempdir().unwrap();
        let recipes = recipes(root.path());
        let web = recipes.require("web:1").unwrap();
        assert_eq!(
            (web.parent.as_deref(), web.packages.as_slice()),
            (Some("base"), ["one".into(), "two".into()].as_slice())
        );
        let chain: Vec<&str> = recipes.chain(web).unwrap().iter().map(|recipe| recipe.id.as_str()).collect();
        assert_eq!(chain, ["base", "web"]);
        assert_eq!(recipes.images(), ["web:1"]);
        assert!(recipes.is_extended(recipes.get("base").unwrap()) && !recipes.is_extended(web));
        assert!(recipes.require("other:1").is_err());
    }

    #[test]
    fn the_hash_covers_all_inputs_of_a_recipe() {
        let root = tempfile::tempdir().unwrap();
        let before = recipes(root.path()).require("web:1").unwrap().hash.clone();
        assert_eq!(before, recipes(root.path()).require("web:1").unwrap().hash);
        write(root.path(), "base/files/etc/a", "b\n");
        let after = Recipes::read(root.path(), "http://mirror").unwrap();
        assert_ne!(before, after.require("web:1").unwrap().hash);
        let base = format!(
            "1 bookworm http://mirror \n{}  base/files/etc/a\n{}  base/recipe\n",
            digest(b"b\n"),
            digest(b"name=\nfrom=\n")
        );
        assert_eq!(after.get("base").unwrap().hash, digest(base.as_bytes())[..16]);
    }
}
