//! The name of a stack when a second directory declares one that another directory's stack already has.

use crate::{Context, OperationError, definition::text_file::read_text, error::Conflict};
use devarch_core::name::StackName;
use devarch_files::FileKind;
use std::path::{Path, PathBuf};

/// The numbers that are tried as a suffix.
const NUMBERS: std::ops::Range<u32> = 2..1000;

/// Returns a free name for a directory's stack: the declared one unless another directory's stack has it, else one
/// named after the branch of another worktree or after the directory.
pub async fn free_copy_name(
    ctx: &Context,
    directory: &Path,
    wanted: &StackName,
) -> Result<StackName, OperationError> {
    let Some(taken) = ctx.store.stack(wanted).await? else { return Ok(wanted.clone()) };
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let theirs = taken.project.map(PathBuf::from);
    if theirs.as_ref() == Some(&directory) {
        return Ok(wanted.clone());
    }
    let proposed = proposal(wanted, &directory, theirs.as_deref());
    let own = ctx.store.stack_names_in(&directory.to_string_lossy()).await?;
    let names = ctx.store.stack_names().await?;
    let numbered = NUMBERS.map(|number| StackName::numbered(&proposed, number));
    let mut candidates =
        std::iter::once(proposed.clone()).chain(numbered).filter_map(|name| name.parse().ok());
    candidates.find(|name| own.contains(name) || !names.contains(name)).ok_or_else(|| {
        Conflict::NameTaken { taken: format!("stack '{wanted}' already exists"), free: None }.into()
    })
}

/// Returns `{name}-{branch}` in a worktree of its own, else `{name}-{directory}`.
fn proposal(wanted: &StackName, directory: &Path, theirs: Option<&Path>) -> String {
    let worktree = worktree(directory);
    let shared = worktree.is_some() && worktree == theirs.and_then(self::worktree);
    let branch = worktree.filter(|_| !shared).and_then(|root| branch(&root));
    let which = branch.unwrap_or_else(|| {
        directory.file_name().map_or_else(|| "copy".to_owned(), |name| name.to_string_lossy().into_owned())
    });
    StackName::suggest(&format!("{wanted}-{which}"), "copy")
}

/// Returns the git worktree that contains a directory.
fn worktree(directory: &Path) -> Option<PathBuf> {
    directory.ancestors().find(|dir| dir.join(".git").exists()).map(Path::to_owned)
}

/// Returns the checked-out branch, if any.
fn branch(worktree: &Path) -> Option<String> {
    let git = worktree.join(".git");
    let git = if git.is_dir() {
        git
    } else {
        worktree.join(read_text(&git, FileKind::Settings).ok()?.strip_prefix("gitdir:")?.trim())
    };
    let head = read_text(&git.join("HEAD"), FileKind::Settings).ok()?;
    Some(head.strip_prefix("ref: refs/heads/")?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_copy_is_named_after_its_branch_or_its_directory() {
        let root = tempfile::tempdir().unwrap();
        let dir = |name: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(&path).unwrap();
            path
        };
        let (main, clone, linked, plain) = (dir("main"), dir("clone"), dir("linked"), dir("Plain Copy"));
        for (at, head) in [(&main, "ref: refs/heads/main\n"), (&clone, "ref: refs/heads/feature/Login\n")] {
            fs::create_dir(at.join(".git")).unwrap();
            fs::write(at.join(".git/HEAD"), head).unwrap();
        }
        let own = dir("main/.git/worktrees/linked");
        fs::write(own.join("HEAD"), "0123abc\n").unwrap();
        fs::write(linked.join(".git"), format!("gitdir: {}\n", own.display())).unwrap();
        let inner = dir("main/deploy");
        let shop: StackName = "shop".parse().unwrap();
        let named = |directory: &Path| proposal(&shop, directory, Some(&main));
        assert_eq!(named(&clone), "shop-feature-login");
        assert_eq!(named(&linked), "shop-linked", "nothing is checked out there by name");
        assert_eq!(named(&inner), "shop-deploy", "it is the same worktree");
        assert_eq!(named(&plain), "shop-plain-copy");
    }
}
