//! Where the images of a stack come from: pulled by name, or built.

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

/// Where a container's image comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Supply {
    /// It is pulled where it is absent.
    Missing,
    /// Its tag is looked up each time.
    Always,
    /// It is there, or it is an error.
    Never,
    /// The stack builds it.
    Build,
}

/// The name a build has on the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildTag {
    /// The name. No other store gives it, nor any other stack of this one.
    pub name: String,
    /// The container of the instance that is named in it.
    pub container: ContainerName,
    /// Whether the definition gives the image a name besides.
    pub named: bool,
}

/// Digits of a store's id that tell it from others; the last ones are random in every form of id.
const STORE_DIGITS: usize = 12;

/// The name an instance's build has on the engine: `devarch-shop-api:4f0c2b7a91de`. The tag is the store's, so that stores
/// on one engine never move each other's.
pub fn build_tag(store: &StoreId, container: &ContainerName) -> String {
    let digits: Vec<char> = store.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
    let store: String = digits[digits.len().saturating_sub(STORE_DIGITS)..].iter().collect();
    format!("{container}:{}", store.to_ascii_lowercase())
}

/// The name of a build in the definition that gives it none.
pub(crate) fn unnamed_image(container: &ContainerName) -> String {
    format!("{container}:latest")
}

/// The images of a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Supplies {
    /// By instance: its image, and where that comes from.
    pub instances: BTreeMap<InstanceName, (String, Supply)>,
    /// By the image's name: how it is built.
    pub builds: BTreeMap<String, BuildSpec>,
    /// By the image's name: the first instance that builds it, by its container's name.
    pub builders: BTreeMap<String, ContainerName>,
    /// What is wrong with them.
    pub problems: Vec<Problem>,
}

/// What supplies need to know besides the stack.
#[derive(Debug, Clone, Copy, Default)]
pub struct SupplyContext<'a> {
    /// The user's home, for `~/` and for policy.
    pub home: Option<&'a str>,
    /// A policy that holds in place of every instance's own.
    pub pull: Option<PullPolicy>,
    /// What images are built from now, by name, as far as somebody looked.
    pub hashes: Option<&'a BTreeMap<String, BuildHash>>,
    /// What this machine says of host paths; without it they are judged as they are written.
    pub host: Option<&'a HostView>,
}

/// The images of the instances that are to be there.
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
    // An image that one instance builds is not pulled for another.
    for (image, supply) in supplies.instances.values_mut() {
        if supplies.builds.contains_key(image) {
            *supply = Supply::Build;
        }
    }
    supplies
}

impl Supplies {
    /// By the image's name in the definition: the one it has on the engine.
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

/// Why a directory is not sent to the engine: it, or its Dockerfile, is something that policy refuses.
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

/// How an instance's image is built, if it is.
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
