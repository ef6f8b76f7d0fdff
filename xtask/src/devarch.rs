//! The built program, run as a process.

use crate::{
    cargo::cargo,
    engine::EngineName,
    failure::{Context as _, Result},
    http::Address,
    process::{Run as _, program},
    repository::Repository,
};
use serde::Deserialize;
use std::{path::PathBuf, process::Command};

/// Builds the program for release, with examples of other crates.
pub(crate) fn build(repository: &Repository) -> Result<()> {
    cargo(repository)?.args(["build", "--release", "-p", "devarch"]).run()
}

/// Where a release build of it is.
pub(crate) fn path(repository: &Repository) -> PathBuf {
    repository.target("release/devarch")
}

/// The program with an engine, a home and a directory.
pub(crate) struct Devarch {
    pub(crate) program: PathBuf,
    pub(crate) directory: PathBuf,
    pub(crate) home: PathBuf,
    pub(crate) engine: EngineName,
    pub(crate) address: Address,
}

impl Devarch {
    /// A command of it.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = program(&self.program);
        command.arg("--engine").arg(self.engine.word()).args(words).current_dir(&self.directory);
        let variable = match self.engine {
            EngineName::Docker => "DOCKER_HOST",
            EngineName::Podman | EngineName::Rootless => "CONTAINER_HOST",
        };
        command.env("DEVARCH_HOME", &self.home).env(variable, self.address.to_string());
        command
    }

    /// Runs a command of it with this terminal.
    pub(crate) fn run(&self, words: &[&str]) -> Result<()> {
        self.command(words).run()
    }

    /// The status of an instance.
    pub(crate) fn instance(&self, stack: &str, instance: &str) -> Result<Instance> {
        let printed = self.command(&["status", stack, "--json"]).read()?;
        find(&printed, stack, instance)
    }
}

/// The status of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Instance {
    name: String,
    pub(crate) address: Option<String>,
    #[serde(default)]
    pub(crate) urls: Vec<String>,
    #[serde(default)]
    pub(crate) ports: Vec<Port>,
}

/// A published port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Port {
    /// `ADDRESS:PORT` on this machine.
    pub(crate) host: Option<String>,
}

#[derive(Deserialize)]
struct Status {
    stacks: Vec<Stack>,
}

#[derive(Deserialize)]
struct Stack {
    name: String,
    instances: Vec<Instance>,
}

/// An instance in what `devarch status --json` prints.
pub(crate) fn find(printed: &str, stack: &str, instance: &str) -> Result<Instance> {
    let status: Status =
        serde_json::from_str(printed).context("`devarch status --json` is not as expected")?;
    let found = status.stacks.into_iter().find(|found| found.name == stack);
    let instances = found.map(|stack| stack.instances).unwrap_or_default();
    let found = instances.into_iter().find(|found| found.name == instance);
    found.context(format!("`devarch status --json` shows no {stack}/{instance}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = r#"{"stacks": [{"name": "shop", "instances": [
        {"name": "web", "address": "10.0.0.2", "urls": ["http://127.0.0.1:80"], "ports": [{"host": "127.0.0.1:80", "container": "80"}]},
        {"name": "job", "address": null}
    ]}]}"#;

    #[test]
    fn an_instance_is_found_in_its_stack() {
        let web = find(STATUS, "shop", "web").unwrap();
        assert_eq!(web.address.as_deref(), Some("10.0.0.2"));
        assert_eq!(web.urls, ["http://127.0.0.1:80"]);
        assert_eq!(web.ports[0].host.as_deref(), Some("127.0.0.1:80"));
        assert_eq!(find(STATUS, "shop", "job").unwrap().address, None);
        assert!(find(STATUS, "other", "web").is_err() && find(STATUS, "shop", "db").is_err());
    }
}
