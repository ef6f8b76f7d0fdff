//! Which stack is meant in a directory with a devarch.yml.

use crate::{App, AppError, ImportSource, Project};
use devarch_core::{
    name::{StackName, TemplateName},
    stack::Stack,
};
use std::{collections::BTreeSet, path::Path};

impl App {
    /// The stack that is meant in a directory where none is named: the only one made from the project it is in, else
    /// the only one its devarch.yml declares. `None` where no devarch.yml is.
    pub async fn stack_here(&self, start: &Path) -> Result<Option<StackName>, AppError> {
        let Some(directory) = Project::find(start) else { return Ok(None) };
        match names(&self.made_from(&directory).await?).as_slice() {
            [] => self.project(&directory, &[])?.stack(None).map(Some),
            [only] => Ok(Some(only.clone())),
            several => Err(ambiguous(&directory, several)),
        }
    }

    /// What `up` imports in a directory: the stack that is named, or the only one its devarch.yml declares, under the
    /// name it is to get or has got before. `None` where no devarch.yml is, or where it does not declare the stack
    /// that is named and the store has that from elsewhere.
    pub async fn import_here(
        &self,
        start: &Path,
        named: Option<&StackName>,
        renamed: Option<&StackName>,
    ) -> Result<Option<ImportSource>, AppError> {
        let Some(directory) = Project::find(start) else { return Ok(None) };
        let made = self.made_from(&directory).await?;
        let project = self.project(&directory, &made)?;
        let made = names(&made);
        let declared = |name: &StackName| project.file.stacks.contains_key(name);
        if let Some(name) = named.filter(|name| !declared(name)) {
            if made.contains(name) && renamed.is_none() {
                let stack = project.stack(None)?;
                return Ok(Some(ImportSource { project, stack, renamed: Some(name.clone()) }));
            }
            if self.store.stack(name).await?.is_some() {
                return Ok(None);
            }
        }
        let stack = project.stack(named)?;
        let renamed = match (renamed, made.as_slice()) {
            (Some(name), _) => Some(name.clone()),
            (None, _) if named.is_some() || made.contains(&stack) => None,
            (None, []) => None,
            (None, [only]) => Some(only.clone()),
            (None, several) => return Err(ambiguous(&directory, several)),
        };
        Ok(Some(ImportSource { project, stack, renamed }))
    }

    /// Takes in the stack that a directory's devarch.yml declares, without applying it, where it is not in the store yet:
    /// so that it can have secrets before it runs. `None` where there is nothing to take in.
    pub async fn take_in(
        &self,
        start: &Path,
        named: Option<&StackName>,
    ) -> Result<Option<StackName>, AppError> {
        if let Some(name) = named
            && self.store.stack(name).await?.is_some()
        {
            return Ok(None);
        }
        let Some(source) = self.import_here(start, named, None).await? else { return Ok(None) };
        let name = source.renamed.as_ref().unwrap_or(&source.stack).clone();
        if self.store.stack(&name).await?.is_some() {
            return Ok(None);
        }
        let draft = self.draft(&source).await?;
        self.save(&draft).await?;
        Ok(Some(name))
    }

    /// A directory's project. It may use the templates of the catalog, and those that its stacks are pinned to.
    fn project(&self, directory: &Path, made: &[Stack]) -> Result<Project, AppError> {
        let catalog = self.catalog(Some(directory)).names()?.into_keys();
        let pinned = made.iter().flat_map(|stack| stack.instances.values());
        let pinned = pinned.map(|instance| instance.template.template.name.clone());
        let templates: BTreeSet<TemplateName> = catalog.chain(pinned).collect();
        Project::read(directory, &templates)
    }

    async fn made_from(&self, directory: &Path) -> Result<Vec<Stack>, AppError> {
        let directory = directory.to_string_lossy();
        let stacks = self.store.stacks().await?;
        Ok(stacks.into_iter().filter(|stack| stack.project.as_deref() == Some(&*directory)).collect())
    }
}

fn names(stacks: &[Stack]) -> Vec<StackName> {
    stacks.iter().map(|stack| stack.name.clone()).collect()
}

fn ambiguous(directory: &Path, stacks: &[StackName]) -> AppError {
    let names = stacks.iter().map(StackName::as_str).collect::<Vec<_>>().join(", ");
    let directory = directory.display();
    AppError::Refused(format!("several stacks were made from {directory}: {names}; name the one you mean"))
}
