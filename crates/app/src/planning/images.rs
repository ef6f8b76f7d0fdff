//! The images a stack needs: which are looked up, pulled or built.

use crate::{
    Context, HostFiles, OperationError, Prepared,
    error::unworkable,
    planning::{
        build_context::{existing_context, hash_context},
        host_view::view_host,
        observe::{Look, LookedForBuild},
    },
};
use devarch_core::{
    build::{BuildHash, BuildSpec},
    desired::effective,
    diagnostic::Problem,
    name::ContainerName,
    name::InstanceName,
    plan::Action,
    resolve::{LinkedInstances, Supplies, Supply, SupplyContext, build_tag, supplies},
    stack::DesiredRun,
    stack::{Instance, Stack},
    template::PullPolicy,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Image options of one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageOptions {
    /// Overrides every instance's own policy.
    pub pull: Option<PullPolicy>,
    /// Rebuild images whose context did not change as well.
    pub build: bool,
}

/// Images that were pulled or built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Supplied {
    /// The hashes of their build contexts, by name.
    pub(crate) hashes: BTreeMap<String, BuildHash>,
}

/// The images a plan needs before its containers can be created.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    /// Images to pull, each with its platform.
    pub(crate) pulls: BTreeMap<String, Option<String>>,
    /// Images to build, each with all its names.
    pub(crate) builds: Vec<(Vec<String>, BuildSpec)>,
}

impl Needs {
    /// Collects the images that a plan's steps provide, and those to check besides.
    pub(crate) fn of(prepared: &Prepared, lookup: Lookup) -> Self {
        let mut needs = Self::default();
        for step in &prepared.plan.steps {
            match &step.action {
                Action::PullImage { image, platform } => {
                    needs.pulls.insert(image.clone(), platform.clone());
                }
                Action::BuildImage { tags, spec } => tags.iter().for_each(|tag| needs.build(tag, spec)),
                _ => {}
            }
        }
        let desired = &prepared.desired;
        for (image, supply) in prepared.plan.unsettled.iter().filter(|_| lookup == Lookup::Tags) {
            let mut instances = desired.instances.values();
            let Some(user) = instances.find(|it| it.spec.image_reference() == image) else { continue };
            match (supply, desired.builds.get(&user.spec.image)) {
                (Supply::Build, Some(spec)) => needs.build(image, spec),
                _ => drop(needs.pulls.insert(image.clone(), user.spec.platform.clone())),
            }
        }
        needs
    }

    /// Adds a build; identical builds are merged.
    fn build(&mut self, tag: &str, spec: &BuildSpec) {
        match self.builds.iter_mut().find(|(_, other)| other == spec) {
            Some((tags, _)) => tags.push(tag.to_owned()),
            None => self.builds.push((vec![tag.to_owned()], spec.clone())),
        }
    }

    fn is_empty(&self) -> bool {
        self.pulls.is_empty() && self.builds.is_empty()
    }
}

impl Prepared {
    /// Returns whether images have to be pulled or built before the plan can be executed.
    pub fn needs_images(&self, lookup: Lookup) -> bool {
        !Needs::of(self, lookup).is_empty()
    }

    /// Returns the plan for execution without hashing build contexts again.
    #[must_use]
    pub fn with_images(mut self) -> Self {
        self.options.supplied = Some(self.supplied());
        self
    }

    /// Returns the build hashes of the time it was planned.
    pub(crate) fn supplied(&self) -> Supplied {
        let builds = self.desired.builds.iter();
        let hashes = builds.filter_map(|(image, spec)| Some((image.clone(), spec.hash.clone()?)));
        Supplied { hashes: hashes.collect() }
    }
}

/// Whether to check images that the plan needs only if they have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// Look up tags and repeat builds as policies and options say.
    Tags,
    /// Supply only missing images.
    Missing,
}

/// Returns what to look up about a stack's images: pulled ones by their names, built ones by their names on the
/// engine.
pub(crate) fn image_lookup(
    ctx: &Context,
    stack: &Stack,
    hashes: &BTreeMap<String, BuildHash>,
    others: &LinkedInstances,
) -> Look {
    let home = ctx.settings.user_home.as_deref();
    let context = SupplyContext { home, ..SupplyContext::default() };
    let supplies = supplies(stack, &effective(stack), &context);
    let mut look = Look::default();
    for (image, tag) in supplies.tags(&ctx.store_id) {
        let hash = hashes.get(&image).cloned();
        look.builds.insert(image, LookedForBuild { tag: tag.name, container: tag.container, hash });
    }
    for ((stack, name), other) in others {
        let (Some(image), Ok(container)) = (other.image(), ContainerName::for_instance(stack, name)) else {
            continue;
        };
        if look.builds.contains_key(image) {
            continue;
        }
        if other.builds_image() {
            let tag = build_tag(&ctx.store_id, &container);
            look.builds.insert(image.clone(), LookedForBuild { tag, container, hash: None });
        } else {
            look.images.insert(image.clone());
        }
    }
    let images = supplies.instances.into_values().map(|(image, _)| image);
    look.images.extend(images.filter(|image| !look.builds.contains_key(image)));
    look
}

/// Hashes the build contexts of instances that are to run.
pub(crate) async fn build_hashes(
    ctx: &Context,
    stack: &Stack,
) -> Result<BTreeMap<String, BuildHash>, OperationError> {
    let builds = |instance: &Instance| {
        [&instance.template.template.service, &instance.overrides.service]
            .iter()
            .any(|service| service.build.is_some())
    };
    if !stack.instances.values().any(builds) {
        return Ok(BTreeMap::new());
    }
    hash_builds(ctx, stack, &image_supplies(ctx, stack, ImageOptions::default())?).await
}

/// Returns the sources of a stack's images, unless one is invalid.
pub(crate) fn image_supplies(
    ctx: &Context,
    stack: &Stack,
    options: ImageOptions,
) -> Result<Supplies, OperationError> {
    let home = ctx.settings.user_home.as_deref();
    let view = view_host(ctx, stack, &HostFiles::new());
    let context = SupplyContext { home, pull: options.pull, hashes: None, host: Some(&view) };
    let mut supplies = supplies(stack, &effective(stack), &context);
    let problems = std::mem::take(&mut supplies.problems);
    if problems.is_empty() { Ok(supplies) } else { Err(wrong(stack, problems)) }
}

pub(crate) async fn hash_builds(
    ctx: &Context,
    stack: &Stack,
    supplies: &Supplies,
) -> Result<BTreeMap<String, BuildHash>, OperationError> {
    let mut found: BTreeMap<String, BuildHash> = BTreeMap::new();
    let mut problems = Vec::new();
    for (image, spec) in &supplies.builds {
        let Some(instance) = builder(stack, supplies, image) else { continue };
        let same = supplies.builds.iter().find(|(image, other)| *other == spec && found.contains_key(*image));
        let hash = match same {
            Some((image, _)) => Ok(found[image].clone()),
            None => hash_build(ctx, spec).await,
        };
        match hash {
            Ok(hash) => drop(found.insert(image.clone(), hash)),
            Err(message) => problems.push(Problem::in_field(instance, "build", message)),
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(wrong(stack, problems)) }
}

pub(crate) async fn hash_build(ctx: &Context, spec: &BuildSpec) -> Result<BuildHash, String> {
    existing_context(spec)?;
    hash_context(ctx.hash_key().map_err(|error| error.to_string())?, spec).await
}

pub(crate) fn wrong(stack: &Stack, problems: Vec<Problem>) -> OperationError {
    unworkable(stack, problems)
}

/// Returns the first instance that is to run from an image.
fn builder<'a>(stack: &Stack, supplies: &'a Supplies, image: &str) -> Option<&'a InstanceName> {
    let runs = |name: &InstanceName| stack.wanted(&stack.instances[name]) == DesiredRun::Running;
    let mut instances = supplies.instances.iter();
    instances.find(|(name, (of, _))| of == image && runs(name)).map(|(name, _)| name)
}
