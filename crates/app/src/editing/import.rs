//! Imports a devarch.yml into the store.

use crate::{
    Context, HostFiles, OperationError, PROJECT_FILE, Project,
    context::find_stack,
    definition::{
        catalog::Catalog,
        contents::{Sources, keep_contents},
        new_stack::{copied, empty_instance, empty_stack},
        text_file::read_text,
    },
    editing::edit::{ATTEMPTS, complete_edit, save_edit},
    error::{Conflict, DefinitionError, Elsewhere, unworkable},
    planning::{effective::definition_changes, host_view::view_host, prepare::withdrawn_allowances},
};
use devarch_core::{
    desired::effective,
    diagnostic::Diagnostic,
    environment::Ids,
    name::{InstanceName, StackName, TemplateName},
    plan::FieldDiff,
    read::{located, parse_yaml},
    resolve::{HostView, ReadFile, check_files},
    secret::{KeptSecret, SecretName},
    stack::{DesiredRun, Instance, InstanceFile, Pinned, Stack, StackFile},
    wire::{PRIMARY, Wiring},
};
use devarch_files::FileKind;
use devarch_store::{StackError, StoreError};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

/// The file and stack to import.
#[derive(Debug, Clone)]
pub struct ImportSource {
    /// The directory with its devarch.yml.
    pub project: Project,
    /// The stack's name in the file.
    pub stack: StackName,
    /// Its name in the store, if different.
    pub renamed: Option<StackName>,
    /// The stack in the store with that name.
    pub existing: Option<Stack>,
}

impl ImportSource {
    /// Returns the stored stack if it was created from this exact text: an import would only undo edits made in the
    /// store since.
    pub fn unchanged(&self) -> Option<&Stack> {
        let existing = self.existing.as_ref().filter(|stack| belongs(stack, self).is_ok())?;
        (existing.imported.as_ref() == self.project.file.stacks.get(&self.stack)).then_some(existing)
    }
}

/// The intended state of a stack: planned and shown before it is saved.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The devarch.yml it was read from, and the stack's name in it.
    pub source: Option<(PathBuf, StackName)>,
    /// The stored stack; `None` if the draft creates it.
    pub before: Option<Stack>,
    /// The resulting stack.
    pub stack: Stack,
    /// The host files its config files were read from.
    pub files: HostFiles,
    /// Edits made in the store since the last import that the file undoes, from the edited value to the file's.
    pub undone: Vec<FieldDiff>,
    /// The large contents among those files, stored when the draft is saved.
    pub(crate) contents: Sources,
}

impl Draft {
    /// Drafts a stack as it is in the store.
    pub fn from_stack(stack: Stack) -> Self {
        let files = HostFiles::new();
        let (undone, contents) = (Vec::new(), Sources::new());
        Self { source: None, before: Some(stack.clone()), stack, files, undone, contents }
    }

    /// Adds lines and columns to an error if the draft was read from a file.
    pub fn placed(&self, error: OperationError) -> OperationError {
        match &self.source {
            Some(source) => placed(error, source),
            None => error,
        }
    }
}

/// Rejects a stack that its templates make too large: a small file may use a large template many times.
fn not_too_large(stack: &Stack, source: &ImportSource) -> Result<(), OperationError> {
    let size = stack.expanded_size();
    if size <= Stack::LARGEST {
        return Ok(());
    }
    let message = format!(
        "its instances have {size} bytes with their templates merged in; a stack may have at most 16 MiB ({} \
         bytes)",
        Stack::LARGEST
    );
    let wrong = Diagnostic { place: None, field: format!("stacks.{}", source.stack).into(), message };
    let origin = source.project.directory.join(PROJECT_FILE).display().to_string();
    Err(DefinitionError::Invalid { origin, wrong: wrong.into() }.into())
}

/// Adds their positions in the file to a stack's problems. If the file cannot be read any more, they stay as they are.
fn placed(error: OperationError, (path, stack): &(PathBuf, StackName)) -> OperationError {
    let OperationError::Definition(DefinitionError::Unworkable { problems, .. }) = &error else {
        return error;
    };
    let Some(root) = read_text(path, FileKind::Project).ok().and_then(|text| parse_yaml(&text).ok()) else {
        return error;
    };
    DefinitionError::Invalid { origin: path.display().to_string(), wrong: located(&root, stack, problems) }
        .into()
}

/// Drafts a stack from a devarch.yml, with the desired state running. A stack belongs to the directory it was created
/// from.
#[tracing::instrument(level = "info", skip_all)]
pub async fn draft_import(ctx: &Context, source: &ImportSource) -> Result<Draft, OperationError> {
    let name = source.renamed.as_ref().unwrap_or(&source.stack);
    let declared = source.project.declared(&source.stack)?;
    let before = source.existing.clone();
    if let Some(before) = &before {
        belongs(before, source)?;
    }
    let pins = pinned_templates(ctx, source, declared, before.as_ref())?;
    let ids = ctx.ids.as_ref();
    let mut stack = before.clone().unwrap_or_else(|| empty_stack(ids, name, Some(&source.project.directory)));
    declare(ids, &mut stack, declared, &pins);
    not_too_large(&stack, source)?;
    if before.is_none() && *name != source.stack {
        stack.secrets = secrets_beside(ctx, source, declared).await?;
    }
    let origin = (source.project.directory.join(PROJECT_FILE), source.stack.clone());
    complete_edit(ctx, &mut stack, name).await.map_err(|error| placed(error, &origin))?;
    let files = files_read(source, declared, before.as_ref(), &stack);
    judge_files(ctx, &stack, &files).await.map_err(|error| placed(error, &origin))?;
    let undone = before.as_ref().map_or_else(Vec::new, |before| undone_edits(ctx, before, &stack));
    let contents = source.project.contents.clone();
    Ok(Draft { source: Some(origin), before, stack, files, undone, contents })
}

/// Rejects a stack whose config files were read from places that policy forbids, before any of it is saved.
async fn judge_files(ctx: &Context, stack: &Stack, files: &HostFiles) -> Result<(), OperationError> {
    if files.is_empty() {
        return Ok(());
    }
    let withdrawn = withdrawn_allowances(ctx, stack).await?;
    let view = HostView { files: files.clone(), withdrawn, ..view_host(ctx, stack, files) };
    let judge = |name| check_files(name, stack.project.as_deref(), &view, &stack.allow).errors;
    let problems: Vec<_> = files.keys().flat_map(judge).collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(unworkable(stack, problems))
}

/// Returns the user-set secrets of the stack from the same file that this one is created next to; generated ones are
/// generated again.
async fn secrets_beside(
    ctx: &Context,
    source: &ImportSource,
    declared: &StackFile,
) -> Result<BTreeMap<SecretName, KeptSecret>, OperationError> {
    let original = ctx.store.stack(&source.stack).await?;
    let Some(mut original) = original.filter(|stack| belongs(stack, source).is_ok()) else {
        return Ok(BTreeMap::new());
    };
    let made = |name: &SecretName| declared.secrets.get(name).is_some_and(|file| file.generate.is_some());
    original.secrets.retain(|name, kept| !made(name) && kept.value.open().is_ok());
    Ok(copied(ctx.ids.as_ref(), &original.secrets))
}

/// Returns the edits made in the store since the last import that the draft reverts, without secrets.
fn undone_edits(ctx: &Context, before: &Stack, draft: &Stack) -> Vec<FieldDiff> {
    let Some(imported) = &before.imported else { return Vec::new() };
    let mut undone = undone_wires(imported, before, draft);
    for (name, instance) in &before.instances {
        let Some(said) = imported.instances.get(name) else {
            if !draft.instances.contains_key(name) {
                let template = instance.template.template.name.to_string();
                undone.push(FieldDiff { field: name.to_string(), from: Some(template), to: None });
            }
            continue;
        };
        if (&instance.overrides, instance.enabled) == (&said.overrides, said.enabled) {
            continue;
        }
        let mut as_imported = before.clone();
        if let Some(instance) = as_imported.instances.get_mut(name) {
            instance.overrides = said.overrides.clone();
            instance.enabled = said.enabled;
        }
        let edited = definition_changes(ctx, &as_imported, before, name);
        let lost = definition_changes(ctx, before, draft, name).into_iter();
        let lost = lost.filter(|field| edited.iter().any(|edited| edited.field == field.field));
        undone.extend(lost.map(|field| FieldDiff { field: format!("{name}.{}", field.field), ..field }));
    }
    undone
}

/// Drafts a stack as it is in the store, with the desired state running.
#[tracing::instrument(level = "info", skip_all, fields(stack = %name))]
pub async fn draft_running(ctx: &Context, name: &StackName) -> Result<Draft, OperationError> {
    let mut draft = Draft::from_stack(find_stack(ctx, name).await?);
    draft.stack.instances.values_mut().for_each(|instance| instance.wanted = DesiredRun::Running);
    Ok(draft)
}

/// Saves a draft. Fails if the stack was edited since the draft was made.
#[tracing::instrument(level = "info", skip_all)]
pub async fn save_draft(ctx: &Context, draft: &Draft) -> Result<Stack, OperationError> {
    let mut attempt = 0;
    loop {
        keep_contents(ctx, &draft.contents).await?;
        match save_kept(ctx, draft).await {
            // Another command swept them in the meantime.
            Err(OperationError::Store(StoreError::Stack(StackError::NoContent { .. })))
                if attempt < ATTEMPTS =>
            {
                attempt += 1;
            }
            saved => return saved,
        }
    }
}

async fn save_kept(ctx: &Context, draft: &Draft) -> Result<Stack, OperationError> {
    let mut stack = draft.stack.clone();
    match &draft.before {
        None => ctx.store.create_stack(&stack).await?,
        Some(before) => save_edit(ctx, before, &mut stack).await?,
    }
    Ok(stack)
}

/// Returns the template of each declared instance: the file's own, the one it is pinned to, or the catalog's.
fn pinned_templates(
    ctx: &Context,
    source: &ImportSource,
    declared: &StackFile,
    existing: Option<&Stack>,
) -> Result<BTreeMap<InstanceName, Pinned>, OperationError> {
    let catalog = Catalog::open(Some(&source.project.directory), &ctx.settings.home);
    let mut read: BTreeMap<&TemplateName, Pinned> = BTreeMap::new();
    let mut pins = BTreeMap::new();
    for (name, instance) in &declared.instances {
        let wanted = &instance.template;
        let own = source.project.file.templates.get(wanted);
        let pinned = existing.and_then(|stack| stack.instances.get(name)).map(|instance| &instance.template);
        let kept = pinned.filter(|pinned| own.is_none() && pinned.template.name == *wanted);
        let pin = if let Some(known) = kept.or(read.get(wanted)) {
            known.clone()
        } else {
            let template =
                own.cloned().map_or_else(|| Ok(catalog.get(wanted)?.template), Ok::<_, OperationError>)?;
            let pin = Pinned::new(Arc::new(template), ctx.hash_key()?).map_err(StoreError::from)?;
            read.insert(wanted, pin.clone());
            pin
        };
        pins.insert(name.clone(), pin);
    }
    Ok(pins)
}

/// Returns the files that instances' config files were read from: the instance's own, else its template's.
fn files_read(
    source: &ImportSource,
    declared: &StackFile,
    before: Option<&Stack>,
    stack: &Stack,
) -> HostFiles {
    let before = before.map(effective).unwrap_or_default();
    let mut files = HostFiles::new();
    for (name, config) in effective(stack) {
        let Some(instance) = declared.instances.get(&name) else { continue };
        for (target, file) in &config.config_files {
            let own = instance.overrides.config_files.contains_key(target);
            let (stack, template) = (source.stack.as_str(), instance.template.as_str());
            let keys = if own {
                vec!["stacks", stack, "instances", name.as_str(), "config_files", target]
            } else {
                vec!["templates", template, "config_files", target]
            };
            let keys: Vec<String> = keys.into_iter().map(str::to_owned).collect();
            let Some(path) = source.project.sources.get(&keys) else { continue };
            let old = before.get(&name).and_then(|before| before.config_files.get(target));
            let kept = old.is_some_and(|old| old.content == file.content);
            let read = ReadFile { path: path.to_string_lossy().into_owned(), kept };
            files.entry(name.clone()).or_default().insert(target.clone(), read);
        }
    }
    files
}

/// Returns wires and similar entries that were added or removed in the store and that the draft reverts.
fn undone_wires(imported: &StackFile, before: &Stack, draft: &Stack) -> Vec<FieldDiff> {
    let said = |wiring: &Wiring| {
        let wires = wiring.wires.iter().map(|wire| ("wires".to_owned(), wire.to_string()));
        let prefer = wiring.prefer.iter().map(|_| ("prefer".to_owned(), PRIMARY.to_owned()));
        let external = wiring.external.iter().map(|(name, external)| {
            (
                format!("external.{name}"),
                format!("{} at {}:{}", external.contract, external.host, external.port),
            )
        });
        wires.chain(prefer).chain(external).collect::<BTreeSet<_>>()
    };
    let (was, is, becomes) = (said(&imported.wiring), said(&before.wiring), said(&draft.wiring));
    let added = is.iter().filter(|it| !was.contains(it) && !becomes.contains(it));
    let added = added.map(|(field, said)| (field, Some(said.clone()), None));
    let removed = was.iter().filter(|it| !is.contains(it) && becomes.contains(it));
    let removed = removed.map(|(field, said)| (field, None, Some(said.clone())));
    added.chain(removed).map(|(field, from, to)| FieldDiff { field: field.clone(), from, to }).collect()
}

fn belongs(stack: &Stack, source: &ImportSource) -> Result<(), OperationError> {
    let theirs = stack.project.as_ref().map(PathBuf::from);
    match theirs {
        Some(theirs) if theirs == source.project.directory => Ok(()),
        Some(theirs) => Err(Elsewhere::Directory {
            stack: stack.name.clone(),
            theirs,
            ours: source.project.directory.clone(),
        }
        .into()),
        None => Err(Conflict::Exists {
            what: format!("stack '{}', created without a directory,", stack.name),
            hint: "`devarch up --as NAME` makes another from this directory".to_owned(),
        }
        .into()),
    }
}

/// Changes a stack to its declaration; instances that remain keep their id, slot, ports and volumes.
pub(crate) fn declare(
    ids: &dyn Ids,
    stack: &mut Stack,
    declared: &StackFile,
    pins: &BTreeMap<InstanceName, Pinned>,
) {
    stack.allow.clone_from(&declared.allow);
    stack.wiring.clone_from(&declared.wiring);
    stack.imported = Some(declared.clone());
    stack.enabled = true;
    stack.instances.retain(|name, _| declared.instances.contains_key(name));
    for (name, file) in &declared.instances {
        let Some(pin) = pins.get(name) else { continue };
        let instance =
            stack.instances.get(name).cloned().unwrap_or_else(|| empty_instance(ids, stack, pin.clone()));
        stack.instances.insert(name.clone(), declared_instance(instance, file, pin));
    }
}

fn declared_instance(instance: Instance, file: &InstanceFile, pin: &Pinned) -> Instance {
    Instance {
        template: pin.clone(),
        overrides: file.overrides.clone(),
        enabled: file.enabled,
        wanted: DesiredRun::Running,
        ..instance
    }
}
