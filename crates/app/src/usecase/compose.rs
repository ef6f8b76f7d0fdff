//! Exports a stack as a Compose file, also without an engine, and while the stack is down.

use crate::{
    Context, HostFiles, OperationError, PrepareOptions,
    context::{connect_engine, find_stack},
    definition::contents::read_content,
    error::{Conflict, FileError, unworkable},
    planning::{
        engine_identity::observe_stack,
        host_view::view_host,
        images::image_lookup,
        links::linked_instances,
        prepare::{DesireInput, desired_state},
        subnets::unobserved_subnets,
        wiring::previous_wiring,
    },
};
use devarch_core::{
    compose::{ComposeFile, ConfigPlace, FileToWrite, compose_file, validate},
    desired::{Desired, ResolveInput, desire},
    name::StackName,
    ownership::Seen,
    resolve::{LinkedInstances, PreviousWiring},
    spec::FileContent,
    stack::{DesiredRun, Stack},
    text::Text,
};
use devarch_store::StoreError;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// The name of the written file.
const FILE: &str = "compose.yaml";

/// A stack as a Compose file.
#[derive(Debug, Clone)]
pub struct Composed {
    /// The file.
    pub file: ComposeFile,
    /// Why the engine could not be queried for images: volumes that only images declare are then missing.
    pub unasked: Option<String>,
    /// What Compose cannot express.
    pub left_out: Vec<String>,
}

/// The result of writing a Compose file.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// The written files.
    pub files: Vec<PathBuf>,
    /// Secret config files that were not requested.
    pub left_out: Vec<String>,
}

/// Returns the Compose file of a stack as if it were up.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn compose_stack(
    ctx: &Context,
    name: &StackName,
    place: ConfigPlace,
) -> Result<Composed, OperationError> {
    let mut stack = find_stack(ctx, name).await?;
    stack.enabled = true;
    stack.instances.values_mut().for_each(|instance| instance.wanted = DesiredRun::Running);
    let prior = previous_wiring(ctx, &stack).await?;
    let others = linked_instances(ctx, &stack).await?;
    let (desired, unasked) = match desired_on_engine(ctx, &stack, &prior, &others).await {
        Ok(desired) => (desired, None),
        Err(OperationError::Engine(error)) => {
            (desired_without_engine(ctx, &stack, &prior, &others)?, Some(error.to_string()))
        }
        Err(other) => return Err(other),
    };
    let file = compose_file(&desired, place);
    let problems = validate(&file);
    if problems.is_empty() {
        let mut left_out = left_out(&desired);
        if place == ConfigPlace::Inline {
            left_out.extend(file.files().iter().map(too_large));
        }
        Ok(Composed { file, unasked, left_out })
    } else {
        Err(unworkable(&stack, problems))
    }
}

async fn desired_on_engine(
    ctx: &Context,
    stack: &Stack,
    prior: &PreviousWiring,
    others: &LinkedInstances,
) -> Result<Desired, OperationError> {
    let engine = connect_engine(ctx, Some(stack)).await?;
    let look = image_lookup(ctx, stack, &BTreeMap::new(), &LinkedInstances::new());
    let (observed, ownership) = observe_stack(ctx, stack, engine.as_ref(), &look).await?;
    let host = view_host(ctx, stack, &HostFiles::new());
    let input = DesireInput {
        seen: Seen { observed: &observed, ownership: &ownership },
        host: &host,
        options: &PrepareOptions::default(),
        build_hashes: &BTreeMap::new(),
        prior,
        others,
    };
    desired_state(ctx, stack, input).await
}

fn desired_without_engine(
    ctx: &Context,
    stack: &Stack,
    prior: &PreviousWiring,
    others: &LinkedInstances,
) -> Result<Desired, OperationError> {
    let subnets = unobserved_subnets(ctx, stack, others)?;
    let host = view_host(ctx, stack, &HostFiles::new());
    let world = ResolveInput {
        store: &ctx.store_id,
        hash_key: ctx.hash_key_or_why(),
        defer_problems: false,
        subnets: &subnets,
        home: ctx.settings.user_home.as_deref(),
        host: &host,
        images: &BTreeMap::new(),
        pull: None,
        build_hashes: &BTreeMap::new(),
        prior,
        others,
    };
    desire(stack, &world).map_err(|problems| unworkable(stack, problems))
}

/// Returns the note for a config file that is too large to be inlined in the Compose file.
fn too_large(config: &FileToWrite) -> String {
    format!(
        "./{} is too large to inline; `devarch compose --dir DIR` writes it beside the Compose file",
        config.path
    )
}

/// Returns notes for consumers' own logins and for links: Compose runs nothing in another container, and has no
/// network for two.
fn left_out(desired: &Desired) -> Vec<String> {
    let mut told = Vec::new();
    for (name, instance) in &desired.instances {
        for login in &instance.provisions {
            told.push(format!(
                "{name} logs in to {} as {}, a login that DevArch creates and a Compose file cannot: bring the stack up once, and it is in the provider's data",
                login.provider, login.name
            ));
        }
        for link in &instance.links {
            told.push(format!(
                "{name} reaches {} in its stack's own network, which has to be there, and reaches the rest of that stack too",
                link.provider
            ));
        }
    }
    told
}

/// Writes a Compose file with its config files into a directory; secret ones only on request.
#[tracing::instrument(level = "info", skip_all)]
pub async fn write_compose(
    ctx: &Context,
    file: &ComposeFile,
    directory: &Path,
    secrets: bool,
) -> Result<Written, OperationError> {
    let target = directory.join(FILE);
    if target.exists() {
        let hint = "name another directory, or remove it".to_owned();
        return Err(Conflict::Exists { what: target.display().to_string(), hint }.into());
    }
    let mut written = Written::default();
    put(&mut written, target, &file.to_yaml().map_err(StoreError::from)?, 0o644)?;
    for config in file.files() {
        let path = directory.join(&config.path);
        match &config.content {
            FileContent::Text(Text::Secret(_)) if !secrets => written.left_out.push(config.path.clone()),
            FileContent::Text(text) => put(&mut written, path, text.reveal(), config.mode.0)?,
            FileContent::Kept(kept) => {
                put(&mut written, path, &read_content(ctx, kept).await?, config.mode.0)?;
            }
        }
    }
    if secrets && !file.secrets().is_empty() {
        put(&mut written, directory.join(".env"), &variables(file.secrets()), 0o600)?;
    }
    Ok(written)
}

fn put(written: &mut Written, path: PathBuf, text: &str, mode: u32) -> Result<(), OperationError> {
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(mode).open(&path)?.write_all(text.as_bytes())
    };
    write().map_err(|source| FileError::Io { action: "write", path: path.clone(), source })?;
    written.files.push(path);
    Ok(())
}

/// Formats variables in single quotes, in which the tools of both Docker and Podman read everything but `\'`
/// literally.
fn variables(secrets: &BTreeMap<String, Text>) -> String {
    let mut text = String::new();
    for (name, value) in secrets {
        let _ = writeln!(text, "{name}='{}'", value.reveal().replace('\'', "\\'"));
    }
    text
}
