use super::{Build, EnvValue, Healthcheck, PortSpec, PullPolicy, SecretMount, TmpfsMount, VolumeMount};
use crate::{
    name::InstanceName,
    secret::{HoldsSecrets, Visit, visit_entries},
    unit::{Bytes, Cpus, Millis},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The supported fields of a Compose service, each absent or said. A template's service and an instance's
/// overrides are the same type, so that merging is field by field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each is Compose's field of the same name, unless documented")]
pub struct Service {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<Build>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_policy: Option<PullPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart: Option<RestartPolicy>,
    /// DevArch's own: the container runs once to an end; exit code 0 is success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tty: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdin_open: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileged: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_grace_period: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<BTreeMap<String, EnvValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<PortSpec>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volumes: Option<Vec<VolumeMount>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmpfs: Option<Vec<TmpfsMount>>,
    /// Secrets of the stack that the container gets as files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Vec<SecretMount>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depends_on: Option<BTreeMap<InstanceName, Dependency>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_hosts: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_add: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_drop: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub devices: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_opt: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_add: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sysctls: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ulimits: Option<BTreeMap<String, Ulimit>>,
    /// The object Compose has under `deploy.resources`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

impl HoldsSecrets for Service {
    fn visit_secrets(&mut self, visit: Visit<'_>) {
        visit_entries("build.args", self.build.iter_mut().flat_map(|build| &mut build.args), visit);
        visit_entries("environment", self.environment.iter_mut().flatten(), visit);
    }
}

/// When the engine restarts a container by itself. `always` is not among them: it reaches the engine as
/// `unless-stopped`, because after a restart of dockerd a stopped `always` container runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RestartPolicy {
    /// Never.
    #[default]
    No,
    /// After a failure, at most so many times (0: without end).
    OnFailure(u32),
    /// After every end but a stop.
    UnlessStopped,
}

impl From<RestartPolicy> for String {
    fn from(policy: RestartPolicy) -> Self {
        match policy {
            RestartPolicy::No => "no".to_owned(),
            RestartPolicy::OnFailure(0) => "on-failure".to_owned(),
            RestartPolicy::OnFailure(times) => format!("on-failure:{times}"),
            RestartPolicy::UnlessStopped => "unless-stopped".to_owned(),
        }
    }
}

impl TryFrom<String> for RestartPolicy {
    type Error = String;

    /// Reads what Compose writes; `always` is `unless-stopped`.
    fn try_from(text: String) -> Result<Self, String> {
        let policy = text.split_once(':').map_or((text.as_str(), None), |(name, times)| (name, Some(times)));
        match policy {
            ("no", None) => Ok(Self::No),
            ("always" | "unless-stopped", None) => Ok(Self::UnlessStopped),
            ("on-failure", None) => Ok(Self::OnFailure(0)),
            ("on-failure", Some(times)) => times
                .parse()
                .map(Self::OnFailure)
                .map_err(|_| format!("{times:?} is not a number of restarts")),
            _ => Err(format!("{text:?} is not one of no, always, unless-stopped, on-failure, on-failure:N")),
        }
    }
}

/// One entry of `depends_on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dependency {
    /// What the provider must have reached.
    pub condition: DependencyCondition,
    /// Whether a replacement of the provider restarts this instance.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restart: bool,
    /// Whether a missing provider is an error.
    pub required: bool,
}

/// Compose's three conditions, and DevArch's own default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DependencyCondition {
    /// Ready: healthy if it has a check, exited 0 if it is a job, running otherwise. The default.
    Ready,
    /// Running.
    ServiceStarted,
    /// Its health check has passed.
    ServiceHealthy,
    /// Exited with code 0.
    ServiceCompletedSuccessfully,
}

/// A kernel limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ulimit {
    /// What the process starts with.
    pub soft: i64,
    /// How far it may raise it.
    pub hard: i64,
}

/// Compose's `deploy.resources`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// Upper bounds.
    #[serde(skip_serializing_if = "is_default")]
    pub limits: Limits,
    /// What the engine should keep free for it.
    #[serde(skip_serializing_if = "is_default")]
    pub reservations: Reservations,
}

/// Upper bounds of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Cpus>,
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// Processes and threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids: Option<u32>,
}

/// What the engine should keep free for a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Reservations {
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
