//! Which stack a command applies to in a directory with a devarch.yml.

use crate::{
    Context, ImportSource, OperationError, Project,
    definition::catalog::Catalog,
    editing::import::{draft_import, save_draft},
    error::Ambiguous,
};
use devarch_core::{
    name::{StackName, TemplateName},
    stack::Stack,
};
use std::{collections::BTreeSet, path::Path};

/// Finds the stack for a directory when none is named: the only one created from its project, else the only one its
/// devarch.yml declares. `None` without a devarch.yml.
#[tracing::instrument(level = "info", skip_all)]
pub async fn find_stack_of_directory(
    ctx: &Context,
    start: &Path,
) -> Result<Option<StackName>, OperationError> {
    let Some(directory) = Project::find(start) else { return Ok(None) };
    match names_in(ctx, &directory).await?.as_slice() {
        [] => open_project(ctx, &directory, &[])?.stack(None).map(Some),
        [only] => Ok(Some(only.clone())),
        several => Err(ambiguous(&directory, several.iter())),
    }
}

/// Finds what `up` imports in a directory: the named stack or the only one its devarch.yml declares, under its new or
/// existing name. `None` without a devarch.yml, or if it does not declare the named stack and the store has that from
/// another source.
#[tracing::instrument(level = "info", skip_all)]
pub async fn find_import(
    ctx: &Context,
    start: &Path,
    named: Option<&StackName>,
    renamed: Option<&StackName>,
) -> Result<Option<ImportSource>, OperationError> {
    let Some(directory) = Project::find(start) else { return Ok(None) };
    let made = stacks_made_from(ctx, &directory).await?;
    let project = open_project(ctx, &directory, &made)?;
    let here = |name: &StackName| made.iter().any(|stack| stack.name == *name);
    let undeclared = named.filter(|name| !project.file.stacks.contains_key(*name));
    let (stack, renamed) = match undeclared {
        Some(name) if here(name) && renamed.is_none() => (project.stack(None)?, Some(name.clone())),
        Some(name) if ctx.store.stack(name).await?.is_some() => return Ok(None),
        _ => {
            let stack = project.stack(named)?;
            let renamed = match (renamed, made.as_slice()) {
                (Some(name), _) => Some(name.clone()),
                (None, _) if named.is_some() || here(&stack) => None,
                (None, []) => None,
                (None, [only]) => Some(only.name.clone()),
                (None, several) => {
                    return Err(ambiguous(&directory, several.iter().map(|stack| &stack.name)));
                }
            };
            (stack, renamed)
        }
    };
    let name = renamed.as_ref().unwrap_or(&stack);
    let existing = match made.into_iter().find(|made| made.name == *name) {
        None => ctx.store.stack(name).await?,
        made => made,
    };
    Ok(Some(ImportSource { project, stack, renamed, existing }))
}

/// Loads the stack that a directory's devarch.yml declares, without applying it, so that it can have secrets before it
/// runs. `None` if the store already has it or there is nothing to load.
#[tracing::instrument(level = "info", skip_all)]
pub async fn load_project_stack(
    ctx: &Context,
    start: &Path,
    named: Option<&StackName>,
) -> Result<Option<StackName>, OperationError> {
    if let Some(name) = named
        && ctx.store.stack(name).await?.is_some()
    {
        return Ok(None);
    }
    let Some(source) = find_import(ctx, start, named, None).await? else { return Ok(None) };
    if source.existing.is_some() {
        return Ok(None);
    }
    let draft = draft_import(ctx, &source).await?;
    Ok(Some(save_draft(ctx, &draft).await?.name))
}

/// Opens a directory's project. It may use the catalog's templates and those its stacks are pinned to.
fn open_project(ctx: &Context, directory: &Path, made: &[Stack]) -> Result<Project, OperationError> {
    let catalog = Catalog::open(Some(directory), &ctx.settings.home).names()?.into_keys();
    let pinned = made.iter().flat_map(|stack| stack.instances.values());
    let pinned = pinned.map(|instance| instance.template.template.name.clone());
    let templates: BTreeSet<TemplateName> = catalog.chain(pinned).collect();
    Project::read(directory, &templates, ctx.settings.user_home.as_deref())
}

async fn stacks_made_from(ctx: &Context, directory: &Path) -> Result<Vec<Stack>, OperationError> {
    let mut stacks = Vec::new();
    for name in names_in(ctx, directory).await? {
        stacks.extend(ctx.store.stack(&name).await?);
    }
    Ok(stacks)
}

async fn names_in(ctx: &Context, directory: &Path) -> Result<Vec<StackName>, OperationError> {
    Ok(ctx.store.stack_names_in(&directory.to_string_lossy()).await?)
}

fn ambiguous<'a>(directory: &Path, stacks: impl Iterator<Item = &'a StackName>) -> OperationError {
    Ambiguous::Stacks { directory: directory.to_owned(), stacks: stacks.cloned().collect() }.into()
}
