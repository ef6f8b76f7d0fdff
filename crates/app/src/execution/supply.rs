//! Pulls and builds of images.

use crate::{
    Prepared,
    execution::{
        Event, EventSink,
        failure::{ApplyFailure, Ending, Failure},
    },
    planning::build_context::hash_context,
};
use devarch_core::{build::BuildSpec, hash::HashKey, plan::Action, spec::label, stack::Stack};
use devarch_engine::{BuildRequest, Engine};
use std::{collections::BTreeMap, path::PathBuf};
use tokio_util::sync::CancellationToken;

/// An image to pull.
pub(crate) struct Pull<'a> {
    pub(crate) image: &'a str,
    pub(crate) platform: Option<&'a str>,
}

impl Pull<'_> {
    /// Pulls it.
    pub(crate) async fn run(
        &self,
        engine: &dyn Engine,
        events: EventSink<'_>,
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        let progress = |progress| events(Event::Pull { image: self.image.to_owned(), progress });
        tokio::select! {
            pulled = engine.pull_image(self.image, self.platform, &progress) => {
                pulled.map(|_| ()).map_err(Failure::Engine)
            }
            () = cancel.cancelled() => Err(Failure::Cancelled),
        }
    }
}

/// An image to build.
pub(crate) struct Build<'a> {
    pub(crate) key: &'a HashKey,
    pub(crate) tags: &'a [String],
    pub(crate) spec: &'a BuildSpec,
}

impl Build<'_> {
    /// Builds it. The context is hashed before it is sent: a file that changes in between makes the next plan build
    /// again, and a stale image is never taken for a new one.
    pub(crate) async fn run(
        &self,
        engine: &dyn Engine,
        events: EventSink<'_>,
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        let hash = hash_context(self.key, self.spec).await.map_err(Failure::Context)?;
        let request = BuildRequest {
            context: PathBuf::from(&self.spec.context),
            dockerfile: self.spec.dockerfile.clone(),
            args: self.spec.args.clone(),
            target: self.spec.target.clone(),
            labels: BTreeMap::from([(label::BUILD_HASH.to_owned(), hash.to_string())]),
            platform: self.spec.platform.clone(),
            pull: self.spec.pull,
            tags: self.tags.to_vec(),
        };
        let image = self.tags.join(" and ");
        let progress = |line| events(Event::Build { image: image.clone(), line });
        tokio::select! {
            built = engine.build_image(&request, &progress) => {
                built.map(|_| ()).map_err(Failure::Engine)
            }
            () = cancel.cancelled() => Err(Failure::Cancelled),
        }
    }
}

/// Returns the instances that use these images, as text.
pub(crate) fn users(prepared: &Prepared, images: &[String]) -> String {
    let instances = prepared.desired.instances.iter();
    let uses = instances.filter(|(_, it)| images.iter().any(|image| image == it.spec.image_reference()));
    let names: Vec<String> = uses.map(|(name, _)| format!("'{name}'")).collect();
    let instances = if names.len() == 1 { "instance" } else { "instances" };
    format!("{instances} {}", names.join(", "))
}

pub(crate) fn supply_failure(
    stack: &Stack,
    users: &str,
    action: &Action,
    failure: Failure,
) -> Box<ApplyFailure> {
    Box::new(ApplyFailure {
        stack: stack.name.to_string(),
        instance: None,
        action: format!("{users}: {action}"),
        failure,
        ending: Ending::Untouched,
    })
}
