use crate::{
    completion,
    definition_view::{self, InstanceView, tell},
    error::{CliError, Done},
    exit::Exit,
    session::Session,
};
use clap_complete::ArgValueCandidates;
use devarch_app::{AppError, NewInstance};
use devarch_core::name::{InstanceName, StackName, TemplateName};
use serde_json::json;

/// What to do with instances.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Add an instance of a template
    Add {
        /// The stack
        #[arg(add = ArgValueCandidates::new(completion::stacks))]
        stack: StackName,
        /// The instance's name
        name: String,
        /// The template; on a terminal the name may be left out and is asked for
        #[arg(add = ArgValueCandidates::new(completion::templates))]
        template: Option<TemplateName>,
    },
    /// List a stack's instances
    List {
        /// The stack; this directory's where it is left out
        #[arg(add = ArgValueCandidates::new(completion::stacks))]
        stack: Option<StackName>,
    },
    /// Show an instance's definition
    Show {
        /// The stack
        #[arg(add = ArgValueCandidates::new(completion::stacks))]
        stack: StackName,
        /// The instance
        name: InstanceName,
    },
    /// Give an instance another name; its ports and volumes stay
    Rename {
        /// The stack
        #[arg(add = ArgValueCandidates::new(completion::stacks))]
        stack: StackName,
        /// The instance
        old: InstanceName,
        /// Its new name
        new: InstanceName,
    },
    /// Remove an instance; its volumes stay
    Remove {
        /// The stack
        #[arg(add = ArgValueCandidates::new(completion::stacks))]
        stack: StackName,
        /// The instance
        name: InstanceName,
    },
}

pub(super) async fn run(command: Command, session: &Session) -> Done {
    let app = session.app().await?;
    let (stack, words) = match command {
        Command::List { stack } => return list(session, stack, None).await,
        Command::Show { stack, name } => return list(session, Some(stack), Some(name)).await,
        Command::Add { stack, name, template } => {
            let new = new_instance(session, &name, template)?;
            let words = format!("added '{}' to '{stack}'; `devarch apply {stack}` starts it", new.name);
            (app.add_instance(&stack, &new).await?, words)
        }
        Command::Rename { stack, old, new } => {
            let words = format!("'{old}' is '{new}' now; `devarch apply {stack}` renames what runs");
            (app.rename_instance(&stack, &old, &new).await?, words)
        }
        Command::Remove { stack, name } => {
            let words = format!(
                "removed '{name}' from '{stack}'; its volumes stay, `devarch apply {stack}` removes its container"
            );
            (app.remove_instance(&stack, &name).await?, words)
        }
    };
    tell(session, &stack, &words)?;
    Ok(Exit::OK)
}

/// A name is given by the user: where it was left out it is asked for, the template's suggested, never taken silently.
fn new_instance(
    session: &Session,
    name: &str,
    template: Option<TemplateName>,
) -> Result<NewInstance, CliError> {
    let invalid = |error: devarch_core::name::InvalidName| CliError::from(AppError::from(error));
    if let Some(template) = template {
        return Ok(NewInstance { name: name.parse().map_err(invalid)?, template });
    }
    let template: TemplateName = name.parse().map_err(invalid)?;
    if !session.terminal.interactive {
        return Err(CliError::Invalid(format!(
            "give a name and a template: instance add STACK NAME {template}"
        )));
    }
    let name = session.terminal.ask("Name of the instance?", template.as_str())?;
    Ok(NewInstance { name: name.parse().map_err(invalid)?, template })
}

async fn list(session: &Session, stack: Option<StackName>, only: Option<InstanceName>) -> Done {
    let app = session.app().await?;
    let stack = session.stack(stack).await?;
    if let Some(only) = &only {
        app.known_instance(&stack, only).await?;
    }
    let stack = app.stack(&stack).await?;
    let chosen = stack.instances.iter().filter(|(name, _)| only.as_ref().is_none_or(|only| only == *name));
    let views: Vec<InstanceView<'_>> =
        chosen.map(|(name, instance)| InstanceView::of(name.as_str(), instance)).collect();
    let text = || definition_view::instances(&views);
    if let (Some(_), [view]) = (&only, views.as_slice()) {
        session.terminal.result(view, text)?;
    } else {
        session.terminal.result(&json!({"stack": stack.name, "instances": views}), text)?;
    }
    Ok(Exit::OK)
}
