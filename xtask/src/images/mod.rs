//! The images that tests and the demo use.

mod archive;
mod build;
mod ensure;
mod layer;
mod pruned;
mod recipe;
mod tree;

use crate::{
    debian,
    engine::EngineName,
    failure::{Failure, Result},
    repository::Repository,
    terminal::print_line,
};
use clap::Subcommand;
use ensure::Images;
use recipe::{Recipe, Recipes};
use std::{env, fs, path::PathBuf};

/// Get the images that tests and the demo use onto an engine
///
/// Where a registry can be reached the real images are pulled. Where none can, stand-ins are built from Debian packages
/// under the same names: the same servers, entry points, variables, ports and volumes, in the versions that Debian has. They
/// carry the label devarch.stand-in=true. A stand-in whose recipe (scripts/lib/standins) has changed since is replaced; a
/// real image never is.
///
/// DEVARCH_IMAGES=stand-ins uses stand-ins even where a registry can be reached.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Pull or build what is missing (all images by default)
    Ensure { engine: EngineName, images: Vec<String> },
    /// List what is missing (of all images by default)
    Missing { engine: EngineName, images: Vec<String> },
    /// Remove images
    Remove {
        engine: EngineName,
        #[arg(required = true)]
        images: Vec<String>,
    },
    /// List the images that have a stand-in
    Standins,
    /// Build stand-ins into the cache (all by default)
    Build { images: Vec<String> },
    /// Remove the cache
    Clean,
}

/// Runs one of the actions.
pub(crate) fn run(args: &Args) -> Result<()> {
    let repository = Repository::open()?;
    let cache = Cache::open(&repository)?;
    match &args.command {
        Action::Ensure { engine, images } => Images::on(*engine, &repository, &cache)?.ensure(images),
        Action::Missing { engine, images } => Images::on(*engine, &repository, &cache)?.list_missing(images),
        Action::Remove { engine, images } => Images::on(*engine, &repository, &cache)?.remove(images),
        Action::Standins => {
            cache.recipes.images().iter().for_each(print_line);
            Ok(())
        }
        Action::Build { images } => build::build(images, &repository, &cache),
        Action::Clean => cache.remove(),
    }
}

/// Pulls or builds those of some images that an engine lacks.
pub(crate) fn ensure(engine: EngineName, images: &[&str], repository: &Repository) -> Result<()> {
    let cache = Cache::open(repository)?;
    Images::on(engine, repository, &cache)?.ensure(&owned(images))
}

/// Those of some images that an engine lacks.
pub(crate) fn missing(engine: EngineName, images: &[&str], repository: &Repository) -> Result<Vec<String>> {
    let cache = Cache::open(repository)?;
    Images::on(engine, repository, &cache)?.missing(&owned(images))
}

/// Removes images of an engine.
pub(crate) fn remove(engine: EngineName, images: &[String], repository: &Repository) -> Result<()> {
    let cache = Cache::open(repository)?;
    Images::on(engine, repository, &cache)?.remove(images)
}

fn owned(images: &[&str]) -> Vec<String> {
    images.iter().map(|&image| image.to_owned()).collect()
}

/// The built stand-ins. Building takes root, so that all users share what root has built.
struct Cache {
    directory: PathBuf,
    recipes: Recipes,
    mirror: String,
}

impl Cache {
    fn open(repository: &Repository) -> Result<Self> {
        let state = env::var_os("DEVARCH_DEV_STATE").filter(|value| !value.is_empty());
        let state = state.map_or_else(|| PathBuf::from("/var/lib/devarch-dev"), PathBuf::from);
        let mirror = debian::mirror();
        let recipes = Recipes::read(&repository.path("scripts/lib/standins"), &mirror)?;
        Ok(Self { directory: state.join("images"), recipes, mirror })
    }

    fn layer(&self, recipe: &Recipe) -> PathBuf {
        self.directory.join(format!("{}.{}.tar", recipe.id, recipe.hash))
    }

    fn configuration(&self, recipe: &Recipe) -> PathBuf {
        self.directory.join(format!("{}.{}.json", recipe.id, recipe.hash))
    }

    /// The root that a recipe was built in. It is kept while other recipes extend it.
    fn tree(&self, recipe: &Recipe) -> PathBuf {
        self.directory.join("trees").join(format!("{}.{}", recipe.id, recipe.hash))
    }

    fn has(&self, recipe: &Recipe) -> bool {
        fs::metadata(self.configuration(recipe)).is_ok_and(|file| file.len() > 0)
    }

    /// The layers of a recipe's image, the lowest first.
    fn layers(&self, recipe: &Recipe) -> Result<Vec<PathBuf>> {
        Ok(self.recipes.chain(recipe)?.into_iter().map(|recipe| self.layer(recipe)).collect())
    }

    fn remove(&self) -> Result<()> {
        if self.directory.exists() {
            crate::process::Run::run(crate::process::as_root("rm")?.arg("-rf").arg(&self.directory))?;
        }
        print_line(format!("removed {}", self.directory.display()));
        Ok(())
    }
}

/// An image as Docker's users write it: `docker.io/library/postgres:17.2` is `postgres:17.2`.
fn short_name(image: &str) -> &str {
    let name = image.strip_prefix("docker.io/").unwrap_or(image);
    name.strip_prefix("library/").unwrap_or(name)
}

/// An image that can neither be pulled nor built.
fn unobtainable(image: &str, engine: EngineName) -> Failure {
    Failure::new(format!("{image} is not on {engine}, cannot be pulled here, and has no stand-in"))
        .help("pull it where a registry can be reached; `scripts/images standins` lists the stand-ins")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_docker_hub_are_short() {
        assert_eq!(short_name("docker.io/library/postgres:17.2"), "postgres:17.2");
        assert_eq!(short_name("docker.io/example/web:1"), "example/web:1");
        assert_eq!(short_name("postgres:17.2"), "postgres:17.2");
    }
}
