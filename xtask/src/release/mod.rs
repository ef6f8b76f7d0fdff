//! Release archives: the program, completions, manual pages and licences.

mod archive;
mod glibc;
mod licences;
mod manual;
mod roots;

use crate::{
    cargo::cargo,
    devarch,
    failure::{Context as _, Result},
    process::{Run as _, program},
    repository::Repository,
    terminal::print_line,
};
use archive::{Archive, Mode};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// The version of all crates of the workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The shells with completions, and where these belong.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/devarch"),
    ("zsh", "share/zsh/site-functions/_devarch"),
    ("fish", "share/fish/vendor_completions.d/devarch.fish"),
];

/// Make a release archive: the program, completions, manual pages and licences
///
/// The archive is target/dist/devarch-VERSION-ARCHITECTURE-linux.tar.gz. The same program gives the same archive. It runs
/// where Debian 12's glibc is, or a newer one.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Pack what was built before
    #[arg(long)]
    no_build: bool,
    /// Run it in bare roots of Debian bookworm, trixie and sid as well. This needs root
    #[arg(long)]
    check: bool,
}

impl Args {
    /// Builds and checks.
    pub(crate) fn checked() -> Self {
        Self { no_build: false, check: true }
    }
}

/// Creates the archive, and checks it on request.
pub(crate) fn run(args: &Args) -> Result<()> {
    let repository = Repository::open()?;
    if !args.no_build {
        cargo(&repository)?.args(["build", "--release", "--locked", "-p", "devarch"]).run()?;
    }
    let program = devarch::path(&repository);
    let version = glibc::check(&program)?;
    let archive = pack(&repository, &program)?;
    print_line(format!("made {}; it needs glibc {version}", archive.display()));
    if args.check { roots::check(&repository, &archive, &name()) } else { Ok(()) }
}

/// The name of the archive's only directory.
fn name() -> String {
    format!("devarch-{VERSION}-{}-linux", env::consts::ARCH)
}

fn pack(repository: &Repository, devarch: &Path) -> Result<PathBuf> {
    let directory = repository.target("dist");
    fs::create_dir_all(&directory).context(format!("cannot make {}", directory.display()))?;
    let tar = directory.join(format!("{}.tar", name()));
    let mut archive = Archive::new(name(), moment(repository)?);
    archive.add("bin/devarch", read(devarch)?, Mode::Program);
    for (shell, place) in COMPLETIONS {
        let script = program(devarch).args(["completions", shell]).read()?;
        archive.add(place, script.into_bytes(), Mode::Text);
    }
    for page in manual::pages(devarch)? {
        archive.add(format!("share/man/man1/{}.1", page.name), page.text.into_bytes(), Mode::Text);
    }
    for file in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        archive.add(format!("share/doc/devarch/{file}"), read(&repository.path(file))?, Mode::Text);
    }
    let licences = licences::of_dependencies(repository)?;
    archive.add("share/doc/devarch/THIRD-PARTY-LICENSES", licences.into_bytes(), Mode::Text);
    archive.write(&tar)?;
    // Without a name and a time in its header.
    program("gzip").args(["-9", "-n", "-f"]).arg(&tar).run()?;
    Ok(tar.with_extension("tar.gz"))
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).context(format!("cannot read {}", file.display()))
}

/// The time of the last commit, or the one that `SOURCE_DATE_EPOCH` names.
fn moment(repository: &Repository) -> Result<u64> {
    let text = match env::var("SOURCE_DATE_EPOCH") {
        Ok(given) => given,
        Err(_) => {
            program("git").current_dir(repository.path("")).args(["log", "-1", "--format=%ct"]).read()?
        }
    };
    text.trim().parse().context(format!("'{}' is no time in seconds", text.trim()))
}
