//! Which stack is meant in a directory with a devarch.yml.

use crate::{App, AppError, ImportSource, PROJECT_FILE, Project};
use devarch_core::name::StackName;
use std::path::Path;

impl App {
    /// The stack that is meant in a directory where none is named: the only one made from the project it is in, else
    /// the only one its devarch.yml declares. `None` where no devarch.yml is.
    pub async fn stack_here(&self, start: &Path) -> Result<Option<StackName>, AppError> {
        let Some(directory) = Project::find(start) else { return Ok(None) };
        match self.made_from(&directory).await?.as_slice() {
            [] => Project::read(&directory)?.stack(None).map(Some),
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
        let project = Project::read(&directory)?;
        let made = self.made_from(&directory).await?;
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

    async fn made_from(&self, directory: &Path) -> Result<Vec<StackName>, AppError> {
        let directory = directory.to_string_lossy();
        let stacks = self.store.stacks().await?;
        let here = stacks.into_iter().filter(|stack| stack.project.as_deref() == Some(&*directory));
        Ok(here.map(|stack| stack.name).collect())
    }
}

fn ambiguous(directory: &Path, stacks: &[StackName]) -> AppError {
    let names = stacks.iter().map(StackName::as_str).collect::<Vec<_>>().join(", ");
    let file = directory.join(PROJECT_FILE);
    AppError::Refused(format!("{} has several stacks: {names}; name the one you mean", file.display()))
}
