use super::instance::line;
use crate::{
    apply::{LockArgs, Work},
    completion,
    definition_view::{StackView, report_edit},
    error::Done,
    exit::Exit,
    session::Session,
    signals,
    table::Table,
};
use clap_complete::ArgValueCandidates;
use devarch_app::{
    Deleted, OperationError, clone_stack, create_stack, delete_stack, enable_stack, find_stack,
    logins_elsewhere, plan_deletion, rename_stack,
};
use devarch_core::name::{PhysicalVolume, StackName};
use serde_json::json;

/// Subcommands of `stack`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Create a stack without instances
    Create {
        /// Its name
        name: StackName,
    },
    /// List all stacks
    List,
    /// Show a stack's definition
    Show {
        /// Stack; by default this directory's
        #[arg(add = ArgValueCandidates::new(completion::stacks))]
        name: Option<StackName>,
    },
    /// Rename a stack; its ports and volumes are kept
    Rename {
        /// The stack
        #[arg(add = ArgValueCandidates::new(completion::stacks))]
        old: StackName,
        /// Its new name
        new: StackName,
    },
    /// Copy a stack; the copy gets its own ports and volumes
    Clone {
        /// The stack to copy
        #[arg(add = ArgValueCandidates::new(completion::stacks))]
        from: StackName,
        /// The copy's name
        to: StackName,
    },
    /// Enable a stack again
    Enable {
        /// The stack
        #[arg(add = ArgValueCandidates::new(completion::stacks))]
        name: StackName,
    },
    /// Disable a stack; the next apply takes it down
    Disable {
        /// The stack
        #[arg(add = ArgValueCandidates::new(completion::stacks))]
        name: StackName,
    },
    /// Delete a stack's definition; volumes are kept unless --volumes is given
    Delete(Delete),
}

/// Arguments of `stack delete`.
#[derive(Debug, clap::Args)]
pub(crate) struct Delete {
    /// The stack
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    name: StackName,
    /// Also delete its volumes, after listing them
    #[arg(long)]
    volumes: bool,
    #[command(flatten)]
    lock: LockArgs,
}

pub(super) async fn run(command: Command, session: &Session) -> Done {
    let ctx = session.context().await?;
    let (stack, words) = match command {
        Command::List => return list(session).await,
        Command::Show { name } => return show(session, name).await,
        Command::Delete(args) => return delete(session, args).await,
        Command::Create { name } => {
            let words =
                format!("created stack '{name}'; `devarch instance add {name} NAME TEMPLATE` adds to it");
            (create_stack(ctx, &name, None).await?, words)
        }
        Command::Rename { old, new } => {
            let words = format!("renamed '{old}' to '{new}'; `devarch apply {new}` renames its containers");
            (rename_stack(ctx, &old, &new).await?, words)
        }
        Command::Clone { from, to } => {
            let words = format!("created stack '{to}' from '{from}'; `devarch apply {to}` starts it");
            (clone_stack(ctx, &from, &to).await?, words)
        }
        Command::Enable { name } => {
            let words = format!("'{name}' is enabled; `devarch apply {name}` starts it");
            (enable_stack(ctx, &name, true).await?, words)
        }
        Command::Disable { name } => {
            let words = format!("'{name}' is disabled; `devarch apply {name}` takes it down");
            (enable_stack(ctx, &name, false).await?, words)
        }
    };
    report_edit(session, &stack, &words)?;
    Ok(Exit::OK)
}

async fn list(session: &Session) -> Done {
    let stacks = session.context().await?.store().stacks().await.map_err(OperationError::from)?;
    let views: Vec<StackView<'_>> = stacks.iter().map(StackView::new).collect();
    session.terminal.result(&json!({"stacks": views}), || {
        let mut table = Table::new(["STACK", "INSTANCES", "ENGINE", "ENABLED", "PROJECT"]);
        for stack in &stacks {
            let engine = stack.engine.as_ref().map_or("-", |engine| engine.kind.as_str());
            table.row([
                stack.name.as_str().into(),
                stack.instances.len().to_string().into(),
                engine.into(),
                if stack.enabled { "yes" } else { "no" }.into(),
                stack.project.as_deref().unwrap_or_default().into(),
            ]);
        }
        if stacks.is_empty() {
            "no stacks yet; `devarch init` and `devarch up` create one".into()
        } else {
            table.render(0)
        }
    })?;
    Ok(Exit::OK)
}

async fn show(session: &Session, name: Option<StackName>) -> Done {
    let name = session.stack(name).await?;
    let stack = find_stack(session.context().await?, &name).await?;
    let view = StackView::new(&stack);
    session.terminal.result(&view, || view.render())?;
    Ok(Exit::OK)
}

/// Deletes a stack's definition, and with `--volumes` the volumes that were listed and confirmed.
async fn delete(session: &Session, args: Delete) -> Done {
    let ctx = session.context().await?;
    let terminal = &session.terminal;
    let shown = plan_deletion(ctx, &args.name).await?;
    if args.volumes && !shown.volumes.is_empty() {
        terminal
            .note(&format!("these volumes and what is in them will be deleted:\n{}", lines(&shown.volumes)));
        terminal.confirm(&format!("Delete stack '{}' with its volumes?", args.name), "deleting volumes")?;
    }
    // A stack that cannot be resolved can still be deleted.
    let logins = logins_elsewhere(ctx, &shown.stack).await.unwrap_or_default();
    let work = Work { session, command: "stack delete", cancel: signals::cancel_token() };
    let lock = work.lock(&shown.stack, args.lock, None).await?;
    let deleted = delete_stack(ctx, lock.own(), &shown, args.volumes).await;
    lock.release().await;
    let Deleted { removed, kept, values } = deleted?;
    if terminal.json {
        let deleted = json!({
            "deleted": args.name,
            "deleted_volumes": removed,
            "kept_volumes": kept,
            "kept_secrets": values,
        });
        terminal.print_json(&deleted)?;
    } else {
        terminal.note(&format!("deleted stack '{}'", args.name));
        if !kept.is_empty() {
            terminal.note("these volumes are kept:");
            let shown = kept.iter().map(|volume| match values.get(volume) {
                Some(values) => format!("  {volume} (secrets kept with it: {})", values.join(", ")),
                None => format!("  {volume}"),
            });
            terminal.print(&shown.collect::<Vec<_>>().join("\n"))?;
        }
    }
    if !logins.is_empty() {
        let logins: Vec<String> = logins.iter().map(|login| line(&login.name, login.at.as_ref())).collect();
        terminal.note(&format!(
            "its logins and databases on other stacks' servers are kept; remove them there:\n{}",
            logins.join("\n")
        ));
    }
    Ok(Exit::OK)
}

fn lines(volumes: &[PhysicalVolume]) -> String {
    let lines: Vec<String> = volumes.iter().map(|volume| format!("  {volume}")).collect();
    lines.join("\n")
}
