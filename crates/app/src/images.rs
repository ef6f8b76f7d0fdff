//! Images: fetched and built as their policies say, before anything is planned or locked, so that the plan can be made
//! from what they say.

use crate::{
    App, AppError,
    context::{hash_context, real_context},
    execute::{ApplyFailure, Ending, Event, EventSink, Failure},
};
use devarch_core::{
    build_hash::BuildHash,
    desired::effective,
    hash::HashKey,
    name::InstanceName,
    observed::ImageInfo,
    plan::Action,
    resolve::{BuildSpec, Problem, Supplies, Supply, SupplyContext, supplies},
    spec::label,
    stack::{Instance, Stack, Wanted},
    template::PullPolicy,
};
use devarch_engine::{BuildRequest, Engine};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};
use tokio_util::sync::CancellationToken;

/// What one run asks of images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageOptions {
    /// A policy in place of every instance's own.
    pub pull: Option<PullPolicy>,
    /// Build also what was built from what is there now.
    pub build: bool,
}

/// Images that were seen to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Supplied {
    /// What they were built from, by name.
    pub(crate) hashes: BTreeMap<String, BuildHash>,
}

impl App {
    /// Fetches and builds the images of a stack as their policies say; none where no container could be made of them.
    pub async fn supply_images(
        &self,
        stack: &Stack,
        options: ImageOptions,
        events: EventSink<'_>,
        cancel: &CancellationToken,
    ) -> Result<Supplied, AppError> {
        let Ok(key) = self.hash_key() else { return Ok(Supplied::default()) };
        let supplies = self.supplies(stack, options)?;
        let hashes = self.hashes(stack, &supplies).await?;
        let engine = self.engine(Some(stack)).await?;
        let engine = engine.as_ref();
        let builds = stale(engine, &supplies, &hashes, options).await?;
        let pulls = to_pull(engine, stack, &supplies).await?;
        if builds.is_empty() && pulls.is_empty() {
            return Ok(Supplied { hashes });
        }
        let mask = self.mask(stack).await?;
        let events: EventSink<'_> = &|event| events(event.masked(&mask));
        let build = async |(tags, spec): (Vec<String>, BuildSpec)| {
            let wanted = Build { key, tags: &tags, spec: &spec };
            let done = wanted.run(engine, events, cancel).await.map_err(|failure| failure.masked(&mask));
            let users = users(&supplies, &tags);
            let action = || Action::BuildImage { tags: tags.clone(), spec: Box::new(spec.clone()) };
            done.map_err(|failure| supply_failure(stack, &users, &action(), failure))
        };
        let pull = async |(image, platform): (String, Option<String>)| {
            let wanted = Pull { image: &image, platform: platform.as_deref() };
            let done = wanted.run(engine, events, cancel).await;
            let users = users(&supplies, std::slice::from_ref(&image));
            done.map_err(|failure| {
                supply_failure(stack, &users, &Action::PullImage { image, platform }, failure)
            })
        };
        let builds = try_join_all(builds.into_iter().map(build));
        let pulls = try_join_all(pulls.into_iter().map(pull));
        futures_util::future::try_join(builds, pulls).await?;
        Ok(Supplied { hashes })
    }

    /// What the images of instances that are to run are built from now.
    pub(crate) async fn build_hashes(&self, stack: &Stack) -> Result<BTreeMap<String, BuildHash>, AppError> {
        let builds = |instance: &Instance| {
            [&instance.template.template.service, &instance.overrides.service]
                .iter()
                .any(|service| service.build.is_some())
        };
        if !stack.instances.values().any(builds) {
            return Ok(BTreeMap::new());
        }
        self.hashes(stack, &self.supplies(stack, ImageOptions::default())?).await
    }

    /// Where the images of a stack come from, unless something is wrong with that.
    fn supplies(&self, stack: &Stack, options: ImageOptions) -> Result<Supplies, AppError> {
        let home = self.settings.user_home.as_deref();
        let context = SupplyContext { home, pull: options.pull, hashes: None };
        let mut supplies = supplies(stack, &effective(stack), &context);
        let problems = std::mem::take(&mut supplies.problems);
        if problems.is_empty() { Ok(supplies) } else { Err(wrong(stack, problems)) }
    }

    async fn hashes(
        &self,
        stack: &Stack,
        supplies: &Supplies,
    ) -> Result<BTreeMap<String, BuildHash>, AppError> {
        let mut found: BTreeMap<String, BuildHash> = BTreeMap::new();
        let mut problems = Vec::new();
        for (image, spec) in &supplies.builds {
            let Some(instance) = builder(stack, supplies, image) else { continue };
            let same =
                supplies.builds.iter().find(|(image, other)| *other == spec && found.contains_key(*image));
            let hash = match same {
                Some((image, _)) => Ok(found[image].clone()),
                None => self.build_hash(stack, spec).await,
            };
            match hash {
                Ok(hash) => drop(found.insert(image.clone(), hash)),
                Err(message) => problems.push(Problem::of(instance, "build", message)),
            }
        }
        if problems.is_empty() { Ok(found) } else { Err(wrong(stack, problems)) }
    }

    async fn build_hash(&self, stack: &Stack, spec: &BuildSpec) -> Result<BuildHash, String> {
        real_context(spec, &stack.allow, self.settings.user_home.as_deref())?;
        hash_context(self.hash_key().map_err(|error| error.to_string())?, spec).await
    }
}

fn wrong(stack: &Stack, problems: Vec<Problem>) -> AppError {
    AppError::Problems { stack: stack.name.clone(), problems }
}

/// The first instance that is to run from an image.
fn builder<'a>(stack: &Stack, supplies: &'a Supplies, image: &str) -> Option<&'a InstanceName> {
    let runs = |name: &InstanceName| stack.wanted(&stack.instances[name]) == Wanted::Running;
    let mut instances = supplies.instances.iter();
    instances.find(|(name, (of, _))| of == image && runs(name)).map(|(name, _)| name)
}

/// What has to be built: names by what they are built from.
async fn stale(
    engine: &dyn Engine,
    supplies: &Supplies,
    hashes: &BTreeMap<String, BuildHash>,
    options: ImageOptions,
) -> Result<Vec<(Vec<String>, BuildSpec)>, AppError> {
    let mut builds: Vec<(Vec<String>, BuildSpec)> = Vec::new();
    for (image, hash) in hashes {
        let spec = &supplies.builds[image];
        let built = engine.image(image).await?.as_ref().and_then(ImageInfo::built_from);
        if !options.build && !spec.pull && built.as_ref() == Some(hash) {
            continue;
        }
        match builds.iter_mut().find(|(_, other)| other == spec) {
            Some((tags, _)) => tags.push(image.clone()),
            None => builds.push((vec![image.clone()], spec.clone())),
        }
    }
    Ok(builds)
}

async fn to_pull(
    engine: &dyn Engine,
    stack: &Stack,
    supplies: &Supplies,
) -> Result<BTreeMap<String, Option<String>>, AppError> {
    let images: BTreeSet<(&String, Supply)> =
        supplies.instances.values().map(|(image, supply)| (image, *supply)).collect();
    let effective = effective(stack);
    let platform = |image: &String| {
        let mut users = supplies.instances.iter().filter(|(_, (of, _))| of == image);
        users.find_map(|(name, _)| effective.get(name)?.service.platform.clone())
    };
    let wanted = async |(image, supply): (&String, Supply)| {
        let pull = match supply {
            Supply::Missing => engine.image(image).await?.is_none(),
            Supply::Always => true,
            Supply::Never | Supply::Build => false,
        };
        Ok::<_, AppError>(pull.then(|| (image.clone(), platform(image))))
    };
    Ok(try_join_all(images.into_iter().map(wanted)).await?.into_iter().flatten().collect())
}

/// An image to fetch.
pub(crate) struct Pull<'a> {
    pub(crate) image: &'a str,
    pub(crate) platform: Option<&'a str>,
}

impl Pull<'_> {
    /// Fetches it.
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
    /// Builds it. What it is built from is hashed before it is sent: a file that changes in between makes the next
    /// plan build again, never a stale image pass for a new one.
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

/// The instances that images are for, in words.
fn users(supplies: &Supplies, images: &[String]) -> String {
    let uses = supplies.instances.iter().filter(|(_, (image, _))| images.contains(image));
    let names: Vec<String> = uses.map(|(name, _)| format!("'{name}'")).collect();
    let instances = if names.len() == 1 { "instance" } else { "instances" };
    format!("{instances} {}", names.join(", "))
}

fn supply_failure(stack: &Stack, users: &str, action: &Action, failure: Failure) -> Box<ApplyFailure> {
    Box::new(ApplyFailure {
        stack: stack.name.to_string(),
        instance: None,
        action: format!("{users}: {action}"),
        failure,
        ending: Ending::Untouched,
    })
}
