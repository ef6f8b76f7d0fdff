//! When an instance counts as ready.

use crate::{
    observed::ImageInfo,
    template::{DependencyCondition, HealthTest, Healthcheck},
};

/// When an instance counts as ready.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Readiness {
    /// When it runs.
    Running,
    /// When its check, or the image's, has passed.
    Healthy(Healthcheck),
    /// When it has exited with code 0.
    Completed,
}

/// When a container counts as ready, by its own check or that of its image.
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

/// What a consumer with that condition waits for on a provider with that readiness.
pub fn awaited(condition: DependencyCondition, provider: &Readiness) -> Readiness {
    match condition {
        DependencyCondition::ServiceStarted => Readiness::Running,
        _ => provider.clone(),
    }
}
