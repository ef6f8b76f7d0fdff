use crate::{error::Done, exit::Exit, session::Session, table::Table};
use devarch_app::{AppError, Leftover};
use devarch_core::name::StackName;
use serde_json::json;

/// What was left.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The stack whose containers and network are removed; without it, what is there is listed
    stack: Option<StackName>,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let app = session.app().await?;
    let left = app.left_by_others().await?;
    let Some(stack) = args.stack else {
        session.terminal.result(&json!({"left": left}), || table(&left))?;
        return Ok(Exit::OK);
    };
    let of_stack: Vec<&Leftover> = left.iter().filter(|left| left.stack == stack.as_str()).collect();
    if of_stack.is_empty() {
        return Err(AppError::NothingLeft(stack).into());
    }
    session.terminal.note(&of_stack.iter().map(|left| shown(left)).collect::<String>());
    let question = format!("Is the home that made this lost, and '{stack}' to be cleared away?");
    session.terminal.confirm(&question, "clearing away what another home made")?;
    for left in &of_stack {
        app.clear_away(left).await?;
    }
    session.terminal.note(&format!(
        "cleared away; `devarch up --adopt-volumes` brings '{stack}' up with its volumes, where there are any"
    ));
    if session.terminal.json {
        session.terminal.print_json(&json!({"cleared": of_stack}))?;
    }
    Ok(Exit::OK)
}

fn table(left: &[Leftover]) -> String {
    if left.is_empty() {
        return "nothing on this engine was made by another home or user\n".to_owned();
    }
    let mut table = Table::new(["STACK", "CONTAINERS", "RUNNING", "NETWORKS", "VOLUMES", "MADE BY"]);
    for left in left {
        table.row([
            left.stack.as_str().into(),
            left.containers.len().to_string().into(),
            left.running.to_string().into(),
            left.networks.len().to_string().into(),
            left.volumes.len().to_string().into(),
            left.store.as_str().into(),
        ]);
    }
    table.render(0)
}

/// What is going to be removed, and what stays.
fn shown(left: &Leftover) -> String {
    let line =
        |sign: &str, what: &str, name: &String, then: &str| format!("{sign}   {what} {name}: {then}\n");
    let mut text = format!("made by home {}, of which {} containers run:\n\n", left.store, left.running);
    text.extend(left.containers.iter().map(|name| line("-", "container", name, "remove")));
    text.extend(left.networks.iter().map(|name| line("-", "network", name, "remove")));
    text.extend(left.volumes.iter().map(|name| line(" ", "volume", name, "stays")));
    text
}
