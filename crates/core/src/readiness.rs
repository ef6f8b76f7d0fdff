//! The conditions for an instance being ready.

use crate::{
    observed::ImageInfo,
    template::{DependencyCondition, HealthTest, Healthcheck},
};

/// The condition for an instance being ready.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Readiness {
    /// The container is running.
    Running,
    /// The container's health check, or the image's, has passed.
    Healthy(Healthcheck),
    /// The container has exited with code 0.
    Completed,
}

/// Returns the condition for a container being ready, from its own health check or its image's.
pub(crate) fn readiness_of(job: bool, own: Option<&Healthcheck>, image: Option<&ImageInfo>) -> Readiness {
    if job {
        return Readiness::Completed;
    }
    let inherited = image.and_then(|image| image.healthcheck.as_ref());
    match own.or(inherited) {
        Some(check) if check.test != HealthTest::None => Readiness::Healthy(check.clone()),
        _ => Readiness::Running,
    }
}

/// Returns what a consumer with that condition waits for on a provider with that readiness.
pub fn awaited(condition: DependencyCondition, provider: &Readiness) -> Readiness {
    match condition {
        DependencyCondition::ServiceStarted => Readiness::Running,
        _ => provider.clone(),
    }
}
