use super::{Build, EnvValue, Healthcheck, PortSpec, PullPolicy, SecretMount, TmpfsMount, VolumeMount};
use crate::{
    name::InstanceName,
    secret::{HoldsSecrets, Visit, visit_entries},
    serialize::Absent,
    service_fields::service_fields,
    unit::{Bytes, Cpus, Millis},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

macro_rules! define_service {
    ([] $( $field:ident: $type:ty = $read:expr, $merge:ident, $($way:ident $shape:tt,)* $form:literal, $meaning:literal; )*) => {
        /// The supported fields of a Compose service, each set or absent. A template's service and an instance's
        /// overrides are the same type, so that merging is field by field.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Service {
            $(
                #[doc = $meaning]
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
        }
    };
}

service_fields!(define_service);

impl HoldsSecrets for Service {
    fn visit_secrets(&mut self, visit: Visit<'_>) {
        visit_entries("build.args", self.build.iter_mut().flat_map(|build| &mut build.args), visit);
        visit_entries("environment", self.environment.iter_mut().flatten(), visit);
    }
}

/// When the engine restarts a container on its own. `always` is not supported: it is passed to the engine as
/// `unless-stopped`, because a stopped `always` container runs again after a restart of dockerd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RestartPolicy {
    /// Never.
    #[default]
    No,
    /// After a failure, at most this many times (0: no limit).
    OnFailure(u32),
    /// After every exit, unless it was stopped.
    UnlessStopped,
}

impl Absent for RestartPolicy {
    fn is_absent(&self) -> bool {
        false
    }
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

    /// Parses Compose's names; `always` becomes `unless-stopped`.
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
    /// The state that the provider must have reached.
    pub condition: DependencyCondition,
    /// Whether replacing the provider restarts this instance.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restart: bool,
    /// Whether a missing provider is an error.
    pub required: bool,
}

/// Compose's three conditions, and DevArch's own default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DependencyCondition {
    /// Ready: healthy if it has a health check, exited 0 if it is a job, otherwise running. The default.
    Ready,
    /// Running.
    ServiceStarted,
    /// Its health check has passed.
    ServiceHealthy,
    /// Exited with code 0.
    ServiceCompletedSuccessfully,
}

/// A kernel resource limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ulimit {
    /// The initial limit of the process.
    pub soft: i64,
    /// The limit up to which the process may raise it.
    pub hard: i64,
}

/// Compose's `deploy.resources`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// Upper limits.
    #[serde(skip_serializing_if = "Limits::is_absent")]
    pub limits: Limits,
    /// Reserved resources.
    #[serde(skip_serializing_if = "Reservations::is_absent")]
    pub reservations: Reservations,
}

/// Upper limits of a container.
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

/// Resources that the engine should reserve for a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Reservations {
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
}

impl Absent for Limits {
    fn is_absent(&self) -> bool {
        *self == Self::default()
    }
}

impl Absent for Reservations {
    fn is_absent(&self) -> bool {
        *self == Self::default()
    }
}

impl Absent for Resources {
    fn is_absent(&self) -> bool {
        *self == Self::default()
    }
}
