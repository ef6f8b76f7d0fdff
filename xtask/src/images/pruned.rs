//! Files that no stand-in needs at run time.

use std::path::Path;

/// Directories that are kept empty.
const EMPTIED: &[&str] = &[
    "dev",
    "proc",
    "sys",
    "tmp",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/share/bug",
    "usr/share/common-licenses",
    "usr/share/doc-base",
    "var/cache/apt",
    "var/cache/debconf",
    "var/cache/man",
    "var/lib/apt/lists",
    "var/log/apt",
    "var/tmp",
    "usr/lib/x86_64-linux-gnu/gconv",
    "usr/lib/aarch64-linux-gnu/gconv",
];

const FILES: &[&str] = &[
    "var/lib/dpkg/status-old",
    "var/lib/dpkg/available",
    "var/log/dpkg.log",
    "var/log/alternatives.log",
    "var/log/bootstrap.log",
    "usr/sbin/policy-rc.d",
    "etc/resolv.conf",
    "etc/hostname",
    "etc/apt/apt.conf.d/90proxy",
];

/// Whether a path is left out of images.
pub(crate) fn is_pruned(path: &Path) -> bool {
    let is_listed = FILES.iter().any(|file| path == Path::new(file));
    let is_compiled = path.extension().is_some_and(|end| end == "pyc" || end == "a");
    let is_inside = |directory: &str| path != Path::new(directory) && path.starts_with(directory);
    is_listed || is_compiled || EMPTIED.iter().any(|directory| is_inside(directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emptied_directories_are_kept() {
        assert!(!is_pruned(Path::new("usr/share/doc")));
        assert!(is_pruned(Path::new("usr/share/doc/bash")));
        assert!(!is_pruned(Path::new("usr/share/docs/bash")));
        assert!(is_pruned(Path::new("etc/hostname")) && is_pruned(Path::new("usr/lib/x/a.pyc")));
    }
}
