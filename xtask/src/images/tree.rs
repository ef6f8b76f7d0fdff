//! The root directory of a stand-in.

use super::recipe::{self, Recipe, SUITE};
use crate::{
    debian,
    failure::{Context as _, Result},
    process::{self, Run as _, program},
    repository::Repository,
};
use std::{
    env,
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

/// The directories of an image without a parent.
const BARE: &[&str] = &[
    "bin",
    "dev",
    "etc",
    "home",
    "proc",
    "root",
    "sys",
    "tmp",
    "usr/bin",
    "usr/sbin",
    "var/spool/mail",
    "var/www",
];

/// A root directory to fill.
pub(crate) struct Tree<'a> {
    pub(crate) root: &'a Path,
    pub(crate) log: &'a Path,
    pub(crate) repository: &'a Repository,
}

impl Tree<'_> {
    /// Builds the root that a recipe describes, from that of the recipe it extends.
    pub(crate) fn make(&self, recipe: &Recipe, parent: Option<&Path>) -> Result<()> {
        match (recipe.id.as_str(), parent) {
            (_, Some(parent)) => {
                program("cp").args(["-a", "--reflink=auto"]).args([parent, self.root]).log_to(self.log)?;
            }
            ("busybox", None) => self.busybox()?,
            (_, None) => self.debian()?,
        }
        self.fill(recipe)
    }

    fn busybox(&self) -> Result<()> {
        let failed = || "cannot make the root of busybox".to_owned();
        for directory in BARE {
            fs::create_dir_all(self.root.join(directory)).context(failed())?;
        }
        let work = tempfile::tempdir().context(failed())?;
        self.download("busybox-static", work.path())?;
        let unpacked = work.path().join("root");
        program("dpkg").arg("-x").arg(package_in(work.path())?).arg(&unpacked).log_to(self.log)?;
        let busybox = self.root.join("bin/busybox");
        fs::copy(unpacked.join("bin/busybox"), &busybox).context(failed())?;
        for applet in program(&busybox).arg("--list").read()?.lines().filter(|applet| *applet != "busybox") {
            fs::hard_link(&busybox, self.root.join("bin").join(applet)).context(failed())?;
        }
        symlink("../../bin/env", self.root.join("usr/bin/env")).context(failed())?;
        fs::set_permissions(self.root.join("tmp"), Permissions::from_mode(0o1777)).context(failed())
    }

    /// Package lists may be missing or old.
    fn download(&self, package: &str, directory: &Path) -> Result<()> {
        let get =
            || program("apt-get").current_dir(directory).args(["-qq", "download", package]).log_to(self.log);
        get().or_else(|_| {
            program("apt-get").args(["-qq", "update"]).log_to(self.log)?;
            get()
        })
    }

    fn debian(&self) -> Result<()> {
        debian::require_bootstrap(self.repository)?;
        debian::bootstrap(SUITE, self.root, self.log)?;
        self.connect()
    }

    /// How this machine reaches the mirror. None of it is written to an image.
    fn connect(&self) -> Result<()> {
        let failed = || "cannot write the network's settings".to_owned();
        fs::copy("/etc/resolv.conf", self.root.join("etc/resolv.conf")).context(failed())?;
        let proxy = env::var("http_proxy").ok().filter(|proxy| !proxy.is_empty());
        let proxy = proxy.map_or_else(proxy_of_apt, Ok)?;
        let setting =
            if proxy.is_empty() { String::new() } else { format!("Acquire::http::Proxy \"{proxy}\";") };
        fs::write(self.root.join("etc/apt/apt.conf.d/90proxy"), setting).context(failed())
    }

    fn fill(&self, recipe: &Recipe) -> Result<()> {
        self.script(&recipe.directory.join("before"))?;
        if !recipe.packages.is_empty() {
            let mut install = self.inside("env");
            install.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", "-o", "Dpkg::Use-Pty=0"]);
            install.args(["install", "--no-install-recommends"]).args(&recipe.packages).log_to(self.log)?;
            self.inside("apt-get").arg("clean").log_to(self.log)?;
        }
        let files = recipe.directory.join("files");
        if files.is_dir() {
            recipe::files(&files)?.iter().try_for_each(|file| self.copy(&files.join(file), file))?;
        }
        self.script(&recipe.directory.join("setup"))
    }

    fn copy(&self, source: &Path, inside: &str) -> Result<()> {
        let failed = || format!("cannot copy {}", source.display());
        let target = self.root.join(inside);
        if let Some(directory) = target.parent() {
            fs::create_dir_all(directory).context(failed())?;
        }
        fs::copy(source, &target).context(failed())?;
        let mode = if process::is_program(source) { 0o755 } else { 0o644 };
        fs::set_permissions(&target, Permissions::from_mode(mode)).context(failed())
    }

    /// Runs a script of the recipe, if it has it.
    fn script(&self, file: &Path) -> Result<()> {
        let Ok(text) = fs::read_to_string(file) else { return Ok(()) };
        self.inside("sh").args(["-exc", &text]).log_to(self.log)
    }

    fn inside(&self, name: &str) -> Command {
        debian::inside(self.root, name)
    }
}

fn package_in(directory: &Path) -> Result<PathBuf> {
    let files = fs::read_dir(directory).context("cannot read the downloaded package")?;
    let mut packages = files.filter_map(|file| Some(file.ok()?.path()));
    packages
        .find(|file| file.extension().is_some_and(|end| end == "deb"))
        .context("no package was downloaded")
}

fn proxy_of_apt() -> Result<String> {
    let printed = program("apt-config").args(["shell", "proxy", "Acquire::http::Proxy"]).read()?;
    let value = printed.trim().strip_prefix("proxy='").and_then(|rest| rest.strip_suffix('\''));
    Ok(value.unwrap_or_default().to_owned())
}
