//! Debian's archive, and root directories created from it.

use crate::{
    failure::Result,
    process::{self, Run as _, program},
    repository::Repository,
};
use std::{env, path::Path, process::Command};

/// The keys that sign the archive.
pub(crate) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The mirror, unless `DEVARCH_DEBIAN_MIRROR` names another.
const MIRROR: &str = "http://deb.debian.org/debian";

/// Runs a command in a root directory, with its own `/proc` that is unmounted at the end.
const CHROOT: &str = r#"tree=$1; shift; mount -t proc proc "$tree/proc"; exec chroot "$tree" "$@""#;

/// The mirror of the packages.
pub(crate) fn mirror() -> String {
    env::var("DEVARCH_DEBIAN_MIRROR").unwrap_or_else(|_| MIRROR.to_owned())
}

/// Makes sure that roots can be created.
pub(crate) fn require_bootstrap(repository: &Repository) -> Result<()> {
    process::require(repository, "debootstrap", "debootstrap")?;
    if Path::new(KEYRING).exists() {
        Ok(())
    } else {
        process::install(repository, &["debian-archive-keyring"])
    }
}

/// Creates a root of a suite with the minimal set of packages.
pub(crate) fn bootstrap(suite: &str, root: &Path, log: &Path) -> Result<()> {
    let mut debootstrap = program("debootstrap");
    debootstrap.args(["--variant=minbase", &format!("--keyring={KEYRING}"), suite]);
    debootstrap.arg(root).arg(mirror()).log_to(log)
}

/// A program inside a root, without this environment. Requires root.
pub(crate) fn inside(root: &Path, name: &str) -> Command {
    let mut command = program("env");
    command.args([
        "-i",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL=C.UTF-8",
    ]);
    command.args(["unshare", "--mount", "--propagation", "private", "sh", "-ec", CHROOT, "sh"]);
    command.arg(root).arg(name);
    command
}
