//! Candidates for shell completion; errors are silent.

use clap_complete::CompletionCandidate;
use devarch_app::{Context, Environment, Settings};
use devarch_core::stack::Stack;
use devarch_store::StoreUrl;
use std::env;

/// Stacks.
pub(crate) fn stacks() -> Vec<CompletionCandidate> {
    with_stacks(|stacks| stacks.iter().map(|stack| stack.name.to_string()).collect())
}

/// Stacks and `STACK/INSTANCE`.
pub(crate) fn targets() -> Vec<CompletionCandidate> {
    with_stacks(|stacks| {
        let with_instances = |stack: &Stack| {
            let instances = stack.instances.keys().map(|name| format!("{}/{name}", stack.name));
            std::iter::once(stack.name.to_string()).chain(instances).collect::<Vec<_>>()
        };
        stacks.iter().flat_map(with_instances).collect()
    })
}

/// `STACK/INSTANCE`.
pub(crate) fn instances() -> Vec<CompletionCandidate> {
    with_stacks(|stacks| {
        let of = |stack: &Stack| {
            stack.instances.keys().map(|name| format!("{}/{name}", stack.name)).collect::<Vec<_>>()
        };
        stacks.iter().flat_map(of).collect()
    })
}

/// Templates.
pub(crate) fn templates() -> Vec<CompletionCandidate> {
    let names = || {
        let directory = env::current_dir().ok().and_then(|dir| devarch_app::Project::find(&dir));
        let catalog = devarch_app::Catalog::open(directory.as_deref(), &settings()?.home);
        catalog.names().ok()
    };
    names().into_iter().flatten().map(|(name, _)| CompletionCandidate::new(name.to_string())).collect()
}

fn settings() -> Option<Settings> {
    Settings::read(None, |name| env::var_os(name)).ok()
}

fn with_stacks(names: impl Fn(&[Stack]) -> Vec<String>) -> Vec<CompletionCandidate> {
    let stacks = load().unwrap_or_default();
    names(&stacks).into_iter().map(CompletionCandidate::new).collect()
}

/// Does not create a store.
fn load() -> Option<Vec<Stack>> {
    let settings = settings()?;
    if let StoreUrl::Sqlite(path) = &settings.database
        && !path.exists()
    {
        return None;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(async {
        Context::open(settings, Environment::real()).await.ok()?.store().stacks().await.ok()
    })
}
