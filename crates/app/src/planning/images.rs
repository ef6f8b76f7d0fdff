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

/// What a plan needs of images before its containers can be made.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    /// Images to pull, each with its platform.
    pub(crate) pulls: BTreeMap<String, Option<String>>,
    /// Images to build, each with the names it gets.
    pub(crate) builds: Vec<(Vec<String>, BuildSpec)>,
}

impl Needs {
    /// What the steps of a plan bring, and what is to be looked at besides.
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

    /// What is built from the same things is built once.
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
    /// Whether images have to be pulled or built before it can be carried out.
    pub fn needs_images(&self, lookup: Lookup) -> bool {
        !Needs::of(self, lookup).is_empty()
    }

    /// The same, to be carried out without looking again at what images are built from.
    #[must_use]
    pub fn with_images(mut self) -> Self {
        self.options.supplied = Some(self.supplied());
        self
    }

    /// What images were built from when it was made.
    pub(crate) fn supplied(&self) -> Supplied {
        let builds = self.desired.builds.iter();
        let hashes = builds.filter_map(|(image, spec)| Some((image.clone(), spec.hash.clone()?)));
        Supplied { hashes: hashes.collect() }
    }
}

/// Whether images are looked at that a plan only has to have if they are others than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// Tags are looked up and builds made again as policies and the run say.
    Tags,
    /// Only what is missing is had.
    Missing,
}

/// What is looked for of a stack's images: by their names, and of those it builds by the names the engine has them
/// under.
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

/// What the images of instances that are to run are built from now.
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

/// Where the images of a stack come from, unless something is wrong with that.
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

/// The first instance that is to run from an image.
fn builder<'a>(stack: &Stack, supplies: &'a Supplies, image: &str) -> Option<&'a InstanceName> {
    let runs = |name: &InstanceName| stack.wanted(&stack.instances[name]) == DesiredRun::Running;
    let mut instances = supplies.instances.iter();
    instances.find(|(name, (of, _))| of == image && runs(name)).map(|(name, _)| name)
}
