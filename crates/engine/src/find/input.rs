use super::{DockerContext, docker_context};
use std::{
    env,
    path::{Path, PathBuf},
};

/// Everything that specifies which engine to use. Read in one place, so that the choice itself is pure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindInput {
    /// The command line's `--engine`: `docker`, `podman` or an address.
    pub flag: Option<String>,
    /// `DEVARCH_ENGINE`: the same forms.
    pub devarch_engine: Option<String>,
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `CONTAINER_HOST`, Podman's counterpart.
    pub container_host: Option<String>,
    /// Docker's current context, unless it is the default one.
    pub docker_context: Option<DockerContext>,
    /// The user's runtime directory: `XDG_RUNTIME_DIR`, else `/run/user/UID` where it exists.
    pub runtime_dir: Option<PathBuf>,
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// The user's number; 0 is root.
    pub uid: u32,
    /// The `podman` program on the path.
    pub podman_program: Option<PathBuf>,
}

impl FindInput {
    /// Reads environment variables and Docker's files, and adds the command line's flag.
    pub fn from_environment(flag: Option<String>) -> Self {
        let home = env::var_os("HOME").map(PathBuf::from);
        let uid = rustix::process::getuid().as_raw();
        Self {
            flag,
            devarch_engine: variable("DEVARCH_ENGINE"),
            docker_host: variable("DOCKER_HOST"),
            container_host: variable("CONTAINER_HOST"),
            docker_context: env::var_os("DOCKER_CONFIG")
                .map(PathBuf::from)
                .or_else(|| Some(home.as_ref()?.join(".docker")))
                .and_then(|dir| docker_context::current(&dir, variable("DOCKER_CONTEXT").as_deref())),
            runtime_dir: variable("XDG_RUNTIME_DIR")
                .map(PathBuf::from)
                .or_else(|| Some(PathBuf::from(format!("/run/user/{uid}"))).filter(|dir| dir.is_dir())),
            home,
            uid,
            podman_program: on_path("podman"),
        }
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|dir: PathBuf| dir.join(program))
        .find(|path: &PathBuf| Path::is_file(path))
}
