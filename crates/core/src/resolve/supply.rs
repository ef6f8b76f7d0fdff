//! The sources of a stack's images: pulled by name, or built.

use super::{Access, Effective, HostView, Judgement, absolute_path};
use crate::{
    build::{BuildHash, BuildSpec},
    diagnostic::Problem,
    id::StoreId,
    name::{ContainerName, InstanceName},
    stack::{DesiredRun, Stack},
    template::{Dockerfile, PullPolicy},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// The source of a container's image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Supply {
    /// Pulled if absent.
    Missing,
    /// Looked up by its tag each time.
    Always,
    /// Must be present; it is an error if it is not.
    Never,
    /// Built by the stack.
    Build,
}

/// The name of a build on the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildTag {
    /// The name. No other store or stack uses the same one.
    pub name: String,
    /// The container of the instance that the name contains.
    pub container: ContainerName,
    /// Whether the definition also names the image.
    pub named: bool,
}

/// Digits that are enough to identify a store; the last digits of an id are random in every form of id.
const STORE_DIGITS: usize = 12;

/// Returns the name of an instance's build on the engine: `devarch-shop-api:4f0c2b7a91de`. The tag identifies the
/// store, so that stores on one engine never move each other's tags.
pub fn build_tag(store: &StoreId, container: &ContainerName) -> String {
    let digits: Vec<char> = store.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
    let store: String = digits[digits.len().saturating_sub(STORE_DIGITS)..].iter().collect();
    format!("{container}:{}", store.to_ascii_lowercase())
}

/// Returns the image name of a build that has none in the definition.
pub(crate) fn unnamed_image(container: &ContainerName) -> String {
    format!("{container}:latest")
}

/// The images of a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Supplies {
    /// By instance: its image and the image's source.
    pub instances: BTreeMap<InstanceName, (String, Supply)>,
    /// The builds, by image name.
    pub builds: BTreeMap<String, BuildSpec>,
    /// By image name: the first instance that builds it, by its container's name.
    pub builders: BTreeMap<String, ContainerName>,
    /// The problems with the images.
    pub problems: Vec<Problem>,
}

/// The input for supplies besides the stack.
#[derive(Debug, Clone, Copy, Default)]
pub struct SupplyContext<'a> {
    /// The user's home directory, for `~/` and for policy.
    pub home: Option<&'a str>,
    /// A pull policy that overrides that of every instance.
    pub pull: Option<PullPolicy>,
    /// The hashes of current build sources by image name, as far as they were read.
    pub hashes: Option<&'a BTreeMap<String, BuildHash>>,
    /// Facts about host paths on this machine; without them, paths are judged as written.
    pub host: Option<&'a HostView>,
}

/// Returns the images of the instances that should exist.
pub fn supplies(
    stack: &Stack,
    effective: &BTreeMap<InstanceName, Effective>,
    context: &SupplyContext<'_>,
) -> Supplies {
    let mut supplies = Supplies::default();
    for (name, instance) in &stack.instances {
        if let Some(effective) = effective.get(name).filter(|_| stack.wanted(instance) != DesiredRun::Absent)
        {
            supplies.add(stack, name, effective, context);
        }
    }
    // An image built by one instance is not pulled for another.
    for (image, supply) in supplies.instances.values_mut() {
        if supplies.builds.contains_key(image) {
            *supply = Supply::Build;
        }
    }
    supplies
}

impl Supplies {
    /// Returns the names of builds on the engine, by their name in the definition.
    pub fn tags(&self, store: &StoreId) -> BTreeMap<String, BuildTag> {
        let tag = |(image, container): (&String, &ContainerName)| {
            let named = *image != unnamed_image(container);
            let tag = BuildTag { name: build_tag(store, container), container: container.clone(), named };
            (image.clone(), tag)
        };
        self.builders.iter().map(tag).collect()
    }

    fn add(&mut self, stack: &Stack, name: &InstanceName, of: &Effective, context: &SupplyContext<'_>) {
        let Some(image) = of.service.image.clone() else { return };
        let said = of.service.pull_policy;
        let policy = context.pull.or(said).unwrap_or_default();
        let supply = match policy {
            PullPolicy::Missing | PullPolicy::Build => Supply::Missing,
            PullPolicy::Always => Supply::Always,
            PullPolicy::Never => Supply::Never,
        };
        self.instances.insert(name.clone(), (image.clone(), supply));
        let Some(spec) = build_spec(stack, of, context) else {
            if said == Some(PullPolicy::Build) {
                let message = "it is `build`, but the instance has no `build`; add one or choose missing, always, never";
                self.problems.push(Problem::in_field(name, "pull_policy", message));
            }
            return;
        };
        if let Some(message) = refused_context(stack, &spec, context) {
            self.problems.push(Problem::in_field(name, "build.context", message));
        }
        match self.builds.get(&image) {
            Some(other) if *other != spec => {
                let message = format!(
                    "another instance builds {image:?} differently; set another `image` on one of them, or remove it"
                );
                self.problems.push(Problem::in_field(name, "build", message));
            }
            Some(_) => {}
            None => {
                self.builders.extend(
                    ContainerName::for_instance(&stack.name, name)
                        .ok()
                        .map(|container| (image.clone(), container)),
                );
                self.builds.insert(image, spec);
            }
        }
    }
}

/// Returns why a build context is not sent to the engine: policy refuses it or its Dockerfile.
fn refused_context(stack: &Stack, spec: &BuildSpec, context: &SupplyContext<'_>) -> Option<String> {
    let written = HostView::of_home(context.home);
    let view = context.host.unwrap_or(&written);
    let project = stack.project.as_deref();
    let dockerfile = match &spec.dockerfile {
        Dockerfile::Path(path) => Some(absolute_path(path, Some(&spec.context), None)),
        Dockerfile::Inline(_) => None,
    };
    std::iter::once(spec.context.clone()).chain(dockerfile).find_map(|path| {
        let Judgement::Refused(allowance, why) = view.judge(&path, Access::Read, project) else { return None };
        let real = view.resolved(&path);
        let is = if real == path { String::new() } else { format!(", which is {real},") };
        (!stack.allow.contains(&allowance)).then(|| {
            format!(
                "{path}{is} is refused by policy ({why}): all of it would be sent to the engine; build a directory of its \
                 own, or add `allow: [{allowance}]` to the stack if it must be"
            )
        })
    })
}

/// Returns the build of an instance's image, if it has one.
pub fn build_spec(stack: &Stack, of: &Effective, context: &SupplyContext<'_>) -> Option<BuildSpec> {
    let (build, image) = (of.service.build.as_ref()?, of.service.image.as_ref()?);
    let policy = context.pull.or(of.service.pull_policy);
    Some(BuildSpec {
        context: absolute_path(&build.context, stack.project.as_deref(), context.home),
        dockerfile: build.dockerfile.clone().unwrap_or_default(),
        args: build.args.iter().map(|(name, value)| (name.clone(), value.to_text())).collect(),
        target: build.target.clone(),
        platform: of.service.platform.clone(),
        pull: policy == Some(PullPolicy::Always),
        hash: context.hashes.and_then(|hashes| hashes.get(image).cloned()),
    })
}
