//! The input of a build: a directory, sent to the engine as a tar archive.

mod arguments;
mod context;
mod ignore;

pub(crate) use arguments::{Reuse, reuse};
pub(crate) use context::Context;
pub use context::{ContextFile, InvalidContext, read_context};
pub use ignore::InvalidPattern;

use devarch_core::{template::Dockerfile, text::Text};
use std::{collections::BTreeMap, path::PathBuf};

/// An image to build.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// The directory that is sent, but for what its `.dockerignore` leaves out.
    pub context: PathBuf,
    /// The instructions.
    pub dockerfile: Dockerfile,
    /// Values of the Dockerfile's `ARG`s. Secret ones are shown neither in progress nor in errors; the image's history
    /// has them all the same.
    pub args: BTreeMap<String, Text>,
    /// The stage to build; the last one by default.
    pub target: Option<String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// The platform to build for, `linux/arm64`; the engine's own by default.
    pub platform: Option<String>,
    /// Whether to look for newer base images. Their registries get the user's credentials if the Dockerfile names them
    /// without an `ARG`.
    pub pull: bool,
    /// The image's names, with their tags; at least one.
    pub tags: Vec<String>,
}

impl BuildRequest {
    /// An image of that name from a directory with a `Dockerfile`.
    pub fn new(context: impl Into<PathBuf>, tag: impl Into<String>) -> Self {
        Self {
            context: context.into(),
            dockerfile: Dockerfile::default(),
            args: BTreeMap::new(),
            target: None,
            labels: BTreeMap::new(),
            platform: None,
            pull: false,
            tags: vec![tag.into()],
        }
    }
}
