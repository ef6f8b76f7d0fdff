//! One run of the program: the arguments and lazily opened parts.

use crate::{
    Global,
    error::CliError,
    target::{InstanceTarget, Target},
    terminal::Terminal,
};
use devarch_app::{Context, Environment, OperationError, Settings, find_instance, find_stack_of_directory};
use devarch_core::name::{InstanceName, StackName};
use std::{env, path::PathBuf};
use tokio::sync::OnceCell;

/// The context of every command.
pub(crate) struct Session {
    /// Output and prompts.
    pub(crate) terminal: Terminal,
    /// The working directory, or that of `--project`.
    pub(crate) directory: PathBuf,
    settings: Settings,
    environment: Environment,
    context: OnceCell<Context>,
}

impl Session {
    /// Reads the environment without opening anything.
    pub(crate) fn new(global: Global) -> Result<Self, CliError> {
        let terminal = Terminal::new(&global);
        let settings = Settings::read(global.engine, |name| env::var_os(name))
            .map_err(|error| CliError::Invalid(error.to_string()))?;
        let directory = global.project.map_or_else(env::current_dir, Ok)?;
        if !directory.is_dir() {
            return Err(CliError::Invalid(format!("{} is not a directory", directory.display())));
        }
        Ok(Self { terminal, directory, settings, environment: Environment::real(), context: OnceCell::new() })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Engines, clock, ids and host.
    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The application context, opened on first use.
    pub(crate) async fn context(&self) -> Result<&Context, OperationError> {
        self.context.get_or_try_init(|| Context::open(self.settings.clone(), self.environment.clone())).await
    }

    /// The given stack, or this directory's.
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

    /// Checks a given stack. If it does not exist, but this directory's stack has an instance of that name, the error
    /// suggests the instance.
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

    /// The given stack, and the instance if one was given.
    pub(crate) async fn target(
        &self,
        target: Option<Target>,
    ) -> Result<(StackName, Option<InstanceName>), CliError> {
        let target = target.unwrap_or_default();
        Ok((self.stack(target.stack).await?, target.instance))
    }

    /// The given instance.
    pub(crate) async fn instance(&self, target: InstanceTarget) -> Result<devarch_app::Target, CliError> {
        Ok(devarch_app::Target { stack: self.stack(target.stack).await?, instance: target.instance })
    }
}
