//! Docker Compose v2 and podman-compose, installed only into the state directory: for the test that a written Compose
//! file runs without DevArch, and for the benchmark.

use crate::{
    debian::{self, KEYRING},
    failure::{Context as _, Failure, Result},
    process::{self, Run as _, program},
    repository::Repository,
    terminal::{note, print_line},
};
use std::{
    env,
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

/// The suite with Docker Compose v2; bookworm has only the old one.
const SUITE: &str = "trixie";

/// The release of podman-compose that is compared with.
pub(crate) const PODMAN_COMPOSE: &str = "1.6.0";

/// Get Docker Compose and podman-compose
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to print
    #[arg(default_value = "paths")]
    print: Print,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Print {
    /// The two paths
    Paths,
    /// The paths as `DEVARCH_TEST_DOCKER_COMPOSE` and `DEVARCH_TEST_PODMAN_COMPOSE`, for eval
    Env,
}

/// Installs what is missing and prints the paths.
pub(crate) fn run(args: &Args) -> Result<()> {
    let tools = ComposeTools::get(&Repository::open()?)?;
    let (docker, podman) = (tools.docker.display(), tools.podman.display());
    match args.print {
        Print::Paths => print_line(format!("{docker}\n{podman}")),
        Print::Env => print_line(format!(
            "export DEVARCH_TEST_DOCKER_COMPOSE={docker}\nexport DEVARCH_TEST_PODMAN_COMPOSE={podman}"
        )),
    }
    Ok(())
}

/// Where the two programs are.
pub(crate) struct ComposeTools {
    pub(crate) docker: PathBuf,
    pub(crate) podman: PathBuf,
}

impl ComposeTools {
    /// Installs what is missing.
    pub(crate) fn get(repository: &Repository) -> Result<Self> {
        let programs = repository.state("tools/bin");
        let tools = Self { docker: programs.join("docker-compose"), podman: programs.join("podman-compose") };
        if tools.are_present() {
            return Ok(tools);
        }
        let _lock = repository.lock("compose-tools")?;
        fs::create_dir_all(&programs).context(format!("cannot make {}", programs.display()))?;
        if !process::is_program(&tools.docker) {
            tools.get_docker_compose(repository)?;
        }
        if !process::is_program(&tools.podman) {
            tools.get_podman_compose(repository)?;
        }
        Ok(tools)
    }

    fn are_present(&self) -> bool {
        process::is_program(&self.docker) && process::is_program(&self.podman)
    }

    /// The engine's own plugin if it is recent enough, else Debian's package of a later suite, unpacked without
    /// installing it.
    fn get_docker_compose(&self, repository: &Repository) -> Result<()> {
        if let Some(plugin) = plugin() {
            return symlink(&plugin, &self.docker).context(format!("cannot link {}", plugin.display()));
        }
        if process::find("apt-get").is_none() {
            return Err(Failure::new("docker compose v2 is not installed")
                .help("install its plugin with this system's package manager"));
        }
        note(format!("getting docker compose from Debian {SUITE}"));
        let work = tempfile::tempdir().context("cannot make a directory for packages")?;
        download(work.path(), &repository.log("docker-compose")?)?;
        let unpacked = find(&work.path().join("root")).context("the package has no docker-compose")?;
        program("install").args(["-m", "755"]).args([&unpacked, &self.docker]).run()?;
        let version = program(&self.docker).args(["version", "--short"]).read();
        let help = "install docker compose v2 yourself";
        version.map(drop).map_err(|failure| failure.help(help))
    }

    fn get_podman_compose(&self, repository: &Repository) -> Result<()> {
        // Debian's own Python, whose venv is a separate package.
        let debian = Path::new("/usr/bin/python3");
        let has_apt = process::find("apt-get").is_some();
        if has_apt && debian.exists() {
            process::install(repository, &["python3-venv"])?;
        }
        let python = if has_apt && debian.exists() { debian } else { Path::new("python3") };
        note(format!("getting podman-compose {PODMAN_COMPOSE} from PyPI"));
        let (venv, log) = (repository.state("tools/venv"), repository.log("podman-compose")?);
        program(python).args(["-m", "venv"]).arg(&venv).log_to(&log)?;
        let package = format!("podman-compose=={PODMAN_COMPOSE}");
        program(venv.join("bin/pip")).args(["install", "-q", &package]).log_to(&log)?;
        let configuration = repository.state("podman/containers.conf");
        write_program(&self.podman, &wrapper(&configuration, &venv.join("bin/podman-compose")))
    }
}

/// It runs podman's command line, which needs what the service needs.
fn wrapper(configuration: &Path, podman_compose: &Path) -> String {
    format!(
        "#!/bin/sh\nconf={}\n\
         if [ -s \"$conf\" ] && [ -z \"${{CONTAINERS_CONF:-}}\" ]; then export CONTAINERS_CONF=\"$conf\"; fi\n\
         exec \"{}\" \"$@\"\n",
        configuration.display(),
        podman_compose.display()
    )
}

fn write_program(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).context(format!("cannot write {}", file.display()))?;
    fs::set_permissions(file, Permissions::from_mode(0o755))
        .context(format!("cannot write {}", file.display()))
}

fn plugin() -> Option<PathBuf> {
    let own = env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let own = own.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".docker")));
    let own = own.map(|directory| directory.join("cli-plugins"));
    let usual = [
        "/usr/local/lib/docker/cli-plugins",
        "/usr/libexec/docker/cli-plugins",
        "/usr/lib/docker/cli-plugins",
    ];
    let directories = own.into_iter().chain(usual.map(PathBuf::from));
    directories.map(|directory| directory.join("docker-compose")).find(|file| process::is_program(file))
}

/// Downloads and unpacks a package of a suite that this system does not use, with separate package lists.
fn download(work: &Path, log: &Path) -> Result<()> {
    for directory in ["lists/partial", "cache/archives/partial", "root"] {
        fs::create_dir_all(work.join(directory)).context("cannot make a directory for packages")?;
    }
    let mirror = debian::mirror();
    let sources = work.join("sources.list");
    let line = format!("deb [signed-by={KEYRING}] {mirror} {SUITE} main\n");
    fs::write(&sources, line).context(format!("cannot write {}", sources.display()))?;
    let apt = |words: &[&str]| {
        let mut apt = program("apt-get");
        apt.current_dir(work).arg("-qq");
        for option in [
            format!("Dir::Etc::SourceList={}", sources.display()),
            "Dir::Etc::SourceParts=/dev/null".to_owned(),
            format!("Dir::State::Lists={}", work.join("lists").display()),
            format!("Dir::Cache={}", work.join("cache").display()),
            "APT::Sandbox::User=".to_owned(),
        ] {
            apt.arg("-o").arg(option);
        }
        apt.args(words).log_to(log)
    };
    apt(&["update"])?;
    apt(&["download", "docker-compose"])?;
    let packages = fs::read_dir(work).context("cannot read the downloaded package")?;
    let mut packages = packages.filter_map(|file| Some(file.ok()?.path()));
    let package = packages.find(|file| file.extension().is_some_and(|end| end == "deb"));
    let package = package.context("no package was downloaded")?;
    program("dpkg").arg("-x").args([&package, &work.join("root")]).log_to(log)
}

/// The program `docker-compose` somewhere below a directory.
fn find(directory: &Path) -> Option<PathBuf> {
    let entries: Vec<PathBuf> =
        fs::read_dir(directory).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let is_it = |file: &&PathBuf| {
        file.file_name().is_some_and(|name| name == "docker-compose") && process::is_program(file)
    };
    let here = entries.iter().find(is_it).cloned();
    here.or_else(|| {
        entries.iter().filter(|entry| entry.is_dir() && !entry.is_symlink()).find_map(|entry| find(entry))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_in_the_unpacked_package() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("usr/share/doc/docker-compose");
        fs::create_dir_all(&directory).unwrap();
        assert_eq!(find(root.path()), None);
        let program = root.path().join("usr/libexec/docker/cli-plugins/docker-compose");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        write_program(&program, "#!/bin/sh\n").unwrap();
        assert_eq!(find(root.path()), Some(program));
    }

    #[test]
    fn podman_compose_is_run_with_the_settings_of_the_service() {
        let text = wrapper(Path::new("/s/containers.conf"), Path::new("/s/venv/podman-compose"));
        assert!(
            text.contains("conf=/s/containers.conf\n")
                && text.ends_with("exec \"/s/venv/podman-compose\" \"$@\"\n")
        );
        assert!(text.contains("[ -z \"${CONTAINERS_CONF:-}\" ]"));
    }
}
