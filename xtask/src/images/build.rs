//! Builds stand-ins into the cache, as root.

use super::{
    Cache,
    archive::{Configuration, Maker},
    layer,
    recipe::Recipe,
    short_name,
    tree::Tree,
};
use crate::{
    failure::{Context as _, Failure, Result},
    process::{self, Run as _, program},
    repository::Repository,
    terminal::note,
};
use std::{
    collections::VecDeque,
    env,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{Mutex, PoisonError},
    thread,
    time::Instant,
};

/// Builds the given images (all by default) that are missing in the cache.
pub(crate) fn build(images: &[String], repository: &Repository, cache: &Cache) -> Result<()> {
    let all = cache.recipes.images();
    let images = if images.is_empty() { &all } else { images };
    let wanted: Result<Vec<&Recipe>> =
        images.iter().map(|image| cache.recipes.require(short_name(image))).collect();
    let missing: Vec<&Recipe> = wanted?.into_iter().filter(|recipe| !cache.has(recipe)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if process::find("apt-get").is_none() {
        return Err(Failure::new("stand-ins are built from Debian packages and there is no apt-get")
            .help("make a registry reachable (registry-1.docker.io), or use Debian or Ubuntu"));
    }
    if !process::is_root() {
        return as_root(images, cache);
    }
    let begun = Instant::now();
    fs::create_dir_all(cache.directory.join("trees")).context("cannot make the cache")?;
    let _lock = repository.lock("images")?;
    // Images must not depend on who builds them.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    process::require(repository, "unshare", "util-linux")?;
    Workshop { repository, cache }.build(&missing)?;
    note(format!("{} stand-ins built in {:.1} s", missing.len(), begun.elapsed().as_secs_f64()));
    Ok(())
}

fn as_root(images: &[String], cache: &Cache) -> Result<()> {
    let this = env::current_exe().context("cannot find this program")?;
    let mut command = process::as_root("env")?;
    if let Some(state) = env::var_os("DEVARCH_DEV_STATE") {
        command.arg(format!("DEVARCH_DEV_STATE={}", state.to_string_lossy()));
    }
    command.arg(format!("DEVARCH_DEBIAN_MIRROR={}", cache.mirror)).arg(this);
    command.args(["images", "build"]).args(images).run()
}

struct Workshop<'a> {
    repository: &'a Repository,
    cache: &'a Cache,
}

impl Workshop<'_> {
    /// Bases first, then the rest, as many at once as there are processors.
    fn build(&self, recipes: &[&Recipe]) -> Result<()> {
        for recipe in recipes {
            let chain = self.cache.recipes.chain(recipe)?;
            for base in chain.iter().take(chain.len() - 1) {
                if !(self.cache.has(base) && self.cache.tree(base).is_dir()) {
                    self.build_logged(base)?;
                }
            }
            // busybox is needed soonest.
            if recipe.parent.is_none() && !self.cache.has(recipe) {
                self.build_logged(recipe)?;
            }
        }
        let left: VecDeque<&Recipe> =
            recipes.iter().filter(|recipe| !self.cache.has(recipe)).copied().collect();
        let queue = Mutex::new(left);
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let results: Vec<Result<()>> = thread::scope(|scope| {
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(|| self.work(&queue))).collect();
            let join = |worker: thread::ScopedJoinHandle<'_, Result<()>>| {
                worker.join().unwrap_or_else(|_| Err(Failure::new("building a stand-in panicked")))
            };
            workers.into_iter().map(join).collect()
        });
        results.into_iter().collect()
    }

    fn work(&self, queue: &Mutex<VecDeque<&Recipe>>) -> Result<()> {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(recipe) = next else { return Ok(()) };
            self.build_logged(recipe)?;
        }
    }

    fn build_logged(&self, recipe: &Recipe) -> Result<()> {
        let log = self.repository.log(&format!("image-{}", recipe.id))?;
        fs::write(&log, "").context(format!("cannot write {}", log.display()))?;
        let begun = Instant::now();
        self.build_one(recipe, &log)?;
        let layer = self.cache.layer(recipe);
        let size = fs::metadata(&layer).context(format!("cannot read {}", layer.display()))?.len() >> 20;
        let seconds = begun.elapsed().as_secs_f64();
        note(format!("built {} in {seconds:.1} s, layer of {size} MiB", recipe.id));
        Ok(())
    }

    fn build_one(&self, recipe: &Recipe, log: &Path) -> Result<()> {
        self.forget(recipe)?;
        let parent = recipe.parent.as_deref().map(|parent| self.cache.recipes.get(parent)).transpose()?;
        let parent = parent.map(|parent| self.cache.tree(parent));
        let root = self.cache.tree(recipe);
        let tree = Tree { root: &root, log, repository: self.repository };
        tree.make(recipe, parent.as_deref())?;
        let layer = self.cache.layer(recipe);
        let unfinished = layer.with_extension("tmp");
        layer::write(&root, parent.as_deref(), &unfinished)?;
        publish(&unfinished, &layer)?;
        self.configure(recipe)?;
        if !self.cache.recipes.is_extended(recipe) {
            fs::remove_dir_all(&root).context(format!("cannot remove {}", root.display()))?;
        }
        Ok(())
    }

    fn configure(&self, recipe: &Recipe) -> Result<()> {
        let architecture = program("dpkg").arg("--print-architecture").read()?;
        let created = program("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).read()?;
        let maker = Maker { architecture: architecture.trim(), created: created.trim() };
        let configuration = Configuration::new(recipe, &self.cache.layers(recipe)?, &maker)?;
        let text = serde_json::to_string_pretty(&configuration).context("cannot write a configuration")?;
        let file = self.cache.configuration(recipe);
        let unfinished = file.with_extension("tmp");
        fs::write(&unfinished, text).context(format!("cannot write {}", unfinished.display()))?;
        publish(&unfinished, &file)
    }

    /// Removes what earlier builds of a recipe left.
    fn forget(&self, recipe: &Recipe) -> Result<()> {
        let prefix = format!("{}.", recipe.id);
        for directory in [self.cache.directory.clone(), self.cache.directory.join("trees")] {
            let unreadable = || format!("cannot read {}", directory.display());
            for entry in fs::read_dir(&directory).context(unreadable())? {
                let path = entry.context(unreadable())?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if name.starts_with(&prefix) {
                    let removed =
                        if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                    removed.context(format!("cannot remove {}", path.display()))?;
                }
            }
        }
        Ok(())
    }
}

/// Makes a finished file readable for all, under its final name.
fn publish(unfinished: &Path, file: &Path) -> Result<()> {
    let failed = || format!("cannot write {}", file.display());
    fs::set_permissions(unfinished, Permissions::from_mode(0o644)).context(failed())?;
    fs::rename(unfinished, file).context(failed())
}
