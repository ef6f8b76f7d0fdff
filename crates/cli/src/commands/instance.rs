use crate::{
    apply::{LockArgs, Work},
    completion,
    definition_view::{self, InstanceView, report_edit},
    error::{CliError, Done},
    exit::Exit,
    session::Session,
    signals,
    target::{InstanceTarget, Target},
};
use clap_complete::ArgValueCandidates;
use devarch_app::{
    Droppable, NewInstance, OperationError, Outdated, Target as Known, add_instance, drop_logins,
    droppable_logins, find_instance, find_stack, own_logins, remove_instance, rename_instance,
};
use devarch_core::{
    name::{InstanceName, InvalidName, StackName, TemplateName},
    stack::Stack,
    wire::Endpoint,
};
use serde_json::json;

/// Subcommands of `instance`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Add an instance of a template
    #[command(override_usage = "devarch instance add [OPTIONS] STACK NAME TEMPLATE\n       \
                                devarch instance add [OPTIONS] STACK/NAME TEMPLATE")]
    Add {
        /// Stack, optionally with the instance
        #[arg(value_name = "STACK[/NAME]", add = ArgValueCandidates::new(completion::stacks))]
        target: Target,
        /// Instance name and template; on a terminal the name can be left out and is asked for
        #[arg(value_name = "NAME TEMPLATE", num_args = 1..=2, required = true, add = ArgValueCandidates::new(completion::templates))]
        words: Vec<String>,
    },
    /// List a stack's instances
    List {
        /// Stack; by default this directory's
        #[arg(add = ArgValueCandidates::new(completion::stacks))]
        stack: Option<StackName>,
    },
    /// Show an instance's definition
    Show(One),
    /// Rename an instance; its ports and volumes are kept
    #[command(override_usage = "devarch instance rename [OPTIONS] STACK OLD NEW\n       \
                                devarch instance rename [OPTIONS] STACK/OLD NEW")]
    Rename {
        /// Stack, optionally with the instance
        #[arg(value_name = "STACK[/OLD]", add = ArgValueCandidates::new(completion::targets))]
        target: Target,
        /// The instance and its new name
        #[arg(value_name = "OLD NEW", num_args = 1..=2, required = true)]
        names: Vec<InstanceName>,
    },
    /// Remove an instance; volumes are kept, and logins unless --drop-logins is given
    Remove(Remove),
}

/// An instance, given in one word or two.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// Stack, optionally with the instance
    #[arg(value_name = "STACK[/NAME]", add = ArgValueCandidates::new(completion::targets))]
    target: Target,
    /// The instance, unless it is named with the stack
    name: Option<InstanceName>,
}

/// Arguments of `instance remove`.
#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    one: One,
    /// Also remove its own logins and their databases, after listing them
    #[arg(long)]
    drop_logins: bool,
    #[command(flatten)]
    lock: LockArgs,
}

impl One {
    async fn find(self, session: &Session) -> Result<Known, CliError> {
        let instance = match (self.target.instance, self.name) {
            (Some(name), None) | (None, Some(name)) => name,
            (Some(one), Some(other)) => {
                let message = format!("two instances are named, '{one}' and '{other}'; name one of them");
                return Err(CliError::Invalid(message));
            }
            (None, None) => {
                let message = "name the instance too: STACK NAME, or STACK/NAME".to_owned();
                return Err(CliError::Invalid(message));
            }
        };
        session.instance(InstanceTarget { stack: self.target.stack, instance }).await
    }
}

pub(super) async fn run(command: Command, session: &Session) -> Done {
    let ctx = session.context().await?;
    let (stack, words) = match command {
        Command::List { stack } => return list(session, stack).await,
        Command::Show(one) => return show(session, one.find(session).await?).await,
        Command::Add { target, words } => {
            let new = new_instance(session, target.instance, &words)?;
            let stack = session.stack(target.stack).await?;
            let words = format!("added '{}' to '{stack}'; `devarch apply {stack}` starts it", new.name);
            (add_instance(ctx, &stack, &new).await?, words)
        }
        Command::Rename { target, names } => {
            let (old, new) = old_and_new(target.instance, names)?;
            let stack = session.stack(target.stack).await?;
            let words = format!("renamed '{old}' to '{new}'; `devarch apply {stack}` renames its container");
            (rename_instance(ctx, &stack, &old, &new).await?, words)
        }
        Command::Remove(args) => return remove(session, args).await,
    };
    report_edit(session, &stack, &words)?;
    Ok(Exit::OK)
}

/// Removes an instance from the definition, and with `--drop-logins` the logins that were listed and confirmed.
async fn remove(session: &Session, args: Remove) -> Done {
    let ctx = session.context().await?;
    let Known { stack, instance } = args.one.find(session).await?;
    let logins = own_logins(ctx, &stack, &instance).await?;
    let removed = if args.drop_logins {
        remove_with_logins(session, &stack, &instance, args.lock).await?
    } else {
        remove_instance(ctx, &stack, &instance).await?
    };
    let words = format!(
        "removed '{instance}' from '{stack}'; its volumes are kept, `devarch apply {stack}` removes its container"
    );
    report_edit(session, &removed, &words)?;
    if !args.drop_logins && !logins.is_empty() {
        let lines: Vec<String> = logins.iter().map(|login| line(&login.name, login.at.as_ref())).collect();
        session.terminal.note(&format!(
            "its logins and their databases are kept; `instance remove --drop-logins` removes them too, also after '{instance}' is added and applied again:\n{}",
            lines.join("\n")
        ));
    }
    Ok(Exit::OK)
}

async fn remove_with_logins(
    session: &Session,
    stack: &StackName,
    instance: &InstanceName,
    lock: LockArgs,
) -> Result<Stack, CliError> {
    let ctx = session.context().await?;
    let listed = |logins: &Droppable| {
        let lines: Vec<String> = logins.names().map(|(name, at)| line(name, Some(at))).collect();
        lines.join("\n")
    };
    let shown = listed(&droppable_logins(ctx, stack, instance).await?);
    if shown.is_empty() {
        session.terminal.note(&format!("'{instance}' has no logins of its own"));
        return Ok(remove_instance(ctx, stack, instance).await?);
    }
    session
        .terminal
        .note(&format!("these logins, their databases and what is in them will be deleted:\n{shown}"));
    session.terminal.confirm(&format!("Remove '{instance}' with its logins?"), "deleting databases")?;
    let work = Work { session, command: "instance remove", cancel: signals::cancel_token() };
    let held = work.lock(&find_stack(ctx, stack).await?, lock, None).await?;
    let removed = async {
        let logins = droppable_logins(ctx, stack, instance).await?;
        if listed(&logins) != shown {
            let (stack, instance) = (stack.clone(), instance.clone());
            return Err(OperationError::from(Outdated::Logins { stack, instance }));
        }
        drop_logins(ctx, stack, &logins).await?;
        remove_instance(ctx, stack, instance).await
    };
    let removed = removed.await;
    held.release().await;
    Ok(removed?)
}

/// A login and its server, for lists.
pub(super) fn line(login: &str, at: Option<&Endpoint>) -> String {
    at.map_or_else(|| format!("  {login}"), |at| format!("  {login} on {at}"))
}

fn invalid(error: InvalidName) -> CliError {
    OperationError::from(error).into()
}

/// The name is required; if it is missing, the user is asked, with the template's name as a suggestion.
fn new_instance(
    session: &Session,
    named: Option<InstanceName>,
    words: &[String],
) -> Result<NewInstance, CliError> {
    let (name, template) = match (named, words) {
        (Some(name), [template]) => (Some(name), template),
        (None, [name, template]) => (Some(name.parse().map_err(invalid)?), template),
        (None, [template]) => (None, template),
        (Some(name), _) => {
            let message = format!("'{name}' names the instance already; what follows is its template alone");
            return Err(CliError::Invalid(message));
        }
        (None, _) => return Err(CliError::Invalid("a name and a template are required".to_owned())),
    };
    let template: TemplateName = template.parse().map_err(invalid)?;
    let name = match name {
        Some(name) => name,
        None if session.terminal.interactive => {
            let given = session.terminal.ask("Name of the instance?", template.as_str())?;
            given.parse().map_err(invalid)?
        }
        None => {
            let message = format!("a name and a template are required: instance add STACK NAME {template}");
            return Err(CliError::Invalid(message));
        }
    };
    Ok(NewInstance { name, template })
}

fn old_and_new(
    first: Option<InstanceName>,
    others: Vec<InstanceName>,
) -> Result<(InstanceName, InstanceName), CliError> {
    let mut names = first.into_iter().chain(others);
    match (names.next(), names.next(), names.next()) {
        (Some(old), Some(new), None) => Ok((old, new)),
        _ => Err(CliError::Invalid("name the instance and its new name: STACK OLD NEW".to_owned())),
    }
}

async fn list(session: &Session, stack: Option<StackName>) -> Done {
    let stack = find_stack(session.context().await?, &session.stack(stack).await?).await?;
    let views: Vec<InstanceView<'_>> =
        stack.instances.iter().map(|(name, instance)| InstanceView::new(name.as_str(), instance)).collect();
    let value = json!({"stack": stack.name, "instances": views});
    session.terminal.result(&value, || definition_view::instances(&views))?;
    Ok(Exit::OK)
}

async fn show(session: &Session, Known { stack, instance }: Known) -> Done {
    let ctx = session.context().await?;
    find_instance(ctx, &stack, &instance).await?;
    let stack = find_stack(ctx, &stack).await?;
    let shown = stack.instances.get(&instance).map(|shown| InstanceView::new(instance.as_str(), shown));
    if let Some(view) = shown {
        session.terminal.result(&view, || definition_view::instances(std::slice::from_ref(&view)))?;
    }
    Ok(Exit::OK)
}
