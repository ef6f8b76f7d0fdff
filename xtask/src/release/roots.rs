//! Checks that an archive's program runs on a minimal Debian.

use super::{COMPLETIONS, VERSION};
use crate::{
    debian,
    failure::{Context as _, Failure, Result},
    process::{self, Run as _, program},
    repository::Repository,
    terminal::print_line,
};
use std::{
    fs,
    path::Path,
    thread::{self, ScopedJoinHandle},
    time::Instant,
};

const SUITES: [&str; 3] = ["bookworm", "trixie", "sid"];

/// Where the archive is unpacked in a root.
const PLACE: &str = "opt";

/// Unpacks the archive in a bare root of each suite and runs the program there.
pub(crate) fn check(repository: &Repository, archive: &Path, name: &str) -> Result<()> {
    if !process::is_root() {
        return Err(Failure::new("roots of Debian are made by root").help("run this as root"));
    }
    // Shared files are fetched before the roots are created in parallel.
    debian::require_bootstrap(repository)?;
    let results: Vec<Result<()>> = thread::scope(|scope| {
        let checks = SUITES.map(|suite| scope.spawn(move || check_on(repository, suite, archive, name)));
        let join = |check: ScopedJoinHandle<'_, Result<()>>| {
            check.join().unwrap_or_else(|_| Err(Failure::new("a check in a root panicked")))
        };
        checks.into_iter().map(join).collect()
    });
    results.into_iter().collect()
}

fn check_on(repository: &Repository, suite: &str, archive: &Path, name: &str) -> Result<()> {
    let begun = Instant::now();
    let work = tempfile::tempdir_in(repository.state("")).context("cannot make a root")?;
    let root = work.path().join("root");
    let log = repository.log(&format!("root-{suite}"))?;
    fs::write(&log, "").context(format!("cannot write {}", log.display()))?;
    debian::bootstrap(suite, &root, &log)?;
    program("tar").arg("-xzf").arg(archive).arg("-C").arg(root.join(PLACE)).run()?;
    let checked = Installed { root: &root, name }.check();
    checked.map_err(|failure| Failure::new(format!("{suite}: {}", failure.chain())))?;
    print_line(format!("{suite}: the archive's program runs ({:.0} s)", begun.elapsed().as_secs_f64()));
    Ok(())
}

/// An archive in a root.
struct Installed<'a> {
    root: &'a Path,
    name: &'a str,
}

impl Installed<'_> {
    fn check(&self) -> Result<()> {
        expect(&self.run(&["--version"])?, &format!("devarch {VERSION}"))?;
        expect(&self.run(&["--help"])?, "Usage: devarch")?;
        expect(&self.file("share/man/man1/devarch-up.1")?, "devarch")?;
        for (shell, place) in COMPLETIONS {
            let (printed, packed) = (self.run(&["completions", shell])?, self.file(place)?);
            expect(&printed, "devarch")?;
            if printed.lines().count() != packed.lines().count() {
                return Err(Failure::new(format!(
                    "{place} is not what `devarch completions {shell}` prints"
                )));
            }
        }
        Ok(())
    }

    fn run(&self, words: &[&str]) -> Result<String> {
        let devarch = format!("/{PLACE}/{}/bin/devarch", self.name);
        debian::inside(self.root, "env").args(["HOME=/root", &devarch]).args(words).read()
    }

    fn file(&self, inside: &str) -> Result<String> {
        let file = self.root.join(PLACE).join(self.name).join(inside);
        fs::read_to_string(&file).context(format!("cannot read {}", file.display()))
    }
}

fn expect(text: &str, part: &str) -> Result<()> {
    if text.contains(part) { Ok(()) } else { Err(Failure::new(format!("'{part}' is not in: {text}"))) }
}
