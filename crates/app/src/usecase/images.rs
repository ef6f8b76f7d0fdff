//! Images: pulled and built for a confirmed plan, before it is planned again with them under the stack's lock.

use crate::{
    Context, OperationError, Prepared,
    execution::{
        EventSink,
        supply::{Build, Pull, supply_failure, users},
    },
    planning::{
        images::{Lookup, Needs, Supplied},
        redaction::secret_mask,
    },
};
use devarch_core::{build::BuildSpec, plan::Action};
use futures_util::future::try_join_all;
use tokio_util::sync::CancellationToken;

/// Pulls and builds the images of a confirmed plan.
#[tracing::instrument(level = "info", skip_all, fields(stack = %prepared.stack.name))]
pub async fn supply_images(
    ctx: &Context,
    prepared: &Prepared,
    lookup: Lookup,
    events: EventSink<'_>,
    cancel: &CancellationToken,
) -> Result<Supplied, OperationError> {
    let needs = Needs::of(prepared, lookup);
    let (stack, engine) = (&prepared.stack, prepared.engine.as_ref());
    let mask = secret_mask(ctx, stack).await?;
    let events: EventSink<'_> = &|event| events(event.masked(&mask));
    let key = if needs.builds.is_empty() { None } else { Some(ctx.hash_key()?) };
    let build = async |(tags, spec): (Vec<String>, BuildSpec)| {
        let Some(key) = key else { return Ok(()) };
        let wanted = Build { key, tags: &tags, spec: &spec };
        let done = wanted.run(engine, events, cancel).await.map_err(|failure| failure.masked(&mask));
        let users = users(prepared, &tags);
        let action = || Action::BuildImage { tags: tags.clone(), spec: Box::new(spec.clone()) };
        done.map_err(|failure| supply_failure(stack, &users, &action(), failure))
    };
    let pull = async |(image, platform): (String, Option<String>)| {
        let wanted = Pull { image: &image, platform: platform.as_deref() };
        let done = wanted.run(engine, events, cancel).await;
        let users = users(prepared, std::slice::from_ref(&image));
        done.map_err(|failure| supply_failure(stack, &users, &Action::PullImage { image, platform }, failure))
    };
    let builds = try_join_all(needs.builds.into_iter().map(build));
    let pulls = try_join_all(needs.pulls.into_iter().map(pull));
    futures_util::future::try_join(builds, pulls).await?;
    Ok(prepared.supplied())
}
