//! One run of the program: what was said, and the parts that are opened only when they are needed.

use crate::{
    Global,
    error::CliError,
    target::{InstanceTarget, Target},
    terminal::Terminal,
};
use devarch_app::{Context, OperationError, Settings, Surroundings, find_instance, find_stack_of_directory};
use devarch_core::name::{InstanceName, StackName};
use std::{env, path::PathBuf};
use tokio::sync::OnceCell;

/// What every command gets.
pub(crate) struct Session {
    /// Where output goes and questions come from.
    pub(crate) terminal: Terminal,
    /// The directory it was started in, or was told to.
    pub(crate) directory: PathBuf,
    settings: Settings,
    around: Surroundings,
    context: OnceCell<Context>,
}

impl Session {
    /// Reads the environment; opens nothing.
    pub(crate) fn new(global: Global) -> Result<Self, CliError> {
        let terminal = Terminal::new(&global);
        let settings = Settings::read(global.engine, |name| env::var_os(name))
            .map_err(|error| CliError::Invalid(error.to_string()))?;
        let directory = global.project.map_or_else(env::current_dir, Ok)?;
        if !directory.is_dir() {
            return Err(CliError::Invalid(format!("{} is not a directory", directory.display())));
        }
        Ok(Self { terminal, directory, settings, around: Surroundings::real(), context: OnceCell::new() })
    }

    /// The settings.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Engines, clock, ids and host.
    pub(crate) fn surroundings(&self) -> &Surroundings {
        &self.around
    }

    /// DevArch, opened at the first call.
    pub(crate) async fn context(&self) -> Result<&Context, OperationError> {
        self.context.get_or_try_init(|| Context::open(self.settings.clone(), self.around.clone())).await
    }

    /// The stack that was named, or this directory's.
    pub(crate) async fn stack(&self, named: Option<StackName>) -> Result<StackName, CliError> {
        let ctx = self.context().await?;
        if let Some(name) = named {
            return self.known(ctx, name).await;
        }
        let Some(name) = find_stack_of_directory(ctx, &self.directory).await? else {
            return Err(CliError::Invalid(format!(
                "name a stack: no devarch.yml found in {} or above (`devarch init` writes one)",
                self.directory.display()
            )));
        };
        if ctx.store().stack_names().await.map_err(OperationError::from)?.contains(&name) {
            Ok(name)
        } else {
            Err(CliError::NotUp(name))
        }
    }

    /// A stack that was named; where it is not there but an instance of this directory's stack has the name, that one
    /// was meant.
    async fn known(&self, ctx: &Context, name: StackName) -> Result<StackName, CliError> {
        if ctx.store().stack_names().await.map_err(OperationError::from)?.contains(&name) {
            return Ok(name);
        }
        if let Ok(Some(here)) = find_stack_of_directory(ctx, &self.directory).await
            && let Ok(instance) = name.as_str().parse()
            && find_instance(ctx, &here, &instance).await.is_ok()
        {
            return Err(CliError::NotAStack { name, here });
        }
        Ok(name)
    }

    /// The stack and perhaps the instance that were named.
    pub(crate) async fn target(
        &self,
        target: Option<Target>,
    ) -> Result<(StackName, Option<InstanceName>), CliError> {
        let target = target.unwrap_or_default();
        Ok((self.stack(target.stack).await?, target.instance))
    }

    /// The instance that was named.
    pub(crate) async fn instance(&self, target: InstanceTarget) -> Result<devarch_app::Target, CliError> {
        Ok(devarch_app::Target { stack: self.stack(target.stack).await?, instance: target.instance })
    }
}
