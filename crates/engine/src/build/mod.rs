//! What an image is built from: a directory, sent to the engine as a tar archive.

mod context;
mod ignore;

pub(crate) use context::Context;

use devarch_core::text::Text;
use std::{collections::BTreeMap, path::PathBuf};

/// An image to build.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// The directory that is sent, but for what its `.dockerignore` leaves out.
    pub context: PathBuf,
    /// The Dockerfile's path in it.
    pub dockerfile: String,
    /// Values of the Dockerfile's `ARG`s. Secret ones are shown neither in progress nor in errors; the image's history
    /// has them all the same.
    pub args: BTreeMap<String, Text>,
    /// The stage to build; the last one by default.
    pub target: Option<String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// The platform to build for, `linux/arm64`; the engine's own by default.
    pub platform: Option<String>,
    /// Whether to look for newer base images. Their registries get the user's credentials where the Dockerfile names
    /// them without an `ARG`.
    pub pull: bool,
    /// The image's name, with its tag.
    pub tag: String,
}

impl BuildRequest {
    /// The Dockerfile's name where nothing else is said.
    pub const DOCKERFILE: &str = "Dockerfile";

    /// An image of that name from a directory with a [`Self::DOCKERFILE`].
    pub fn new(context: impl Into<PathBuf>, tag: impl Into<String>) -> Self {
        Self {
            context: context.into(),
            dockerfile: Self::DOCKERFILE.to_owned(),
            args: BTreeMap::new(),
            target: None,
            labels: BTreeMap::new(),
            platform: None,
            pull: false,
            tag: tag.into(),
        }
    }
}
