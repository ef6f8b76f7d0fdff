use crate::{
    completion,
    error::{CliError, Done},
    exit::Exit,
    session::Session,
    target::InstanceTarget,
};
use clap_complete::ArgValueCandidates;
use devarch_app::{Target, config_changes, find_stack, set_fields};
use devarch_core::stack::Stack;
use serde_json::json;

/// Arguments of `set`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The instance
    #[arg(value_name = "STACK/INSTANCE", add = ArgValueCandidates::new(completion::instances))]
    target: InstanceTarget,
    /// Fields and their values (YAML): image=nginx:1.29 environment.DEBUG=1 ports.80=8080
    #[arg(required = true, value_name = "FIELD=VALUE", value_parser = field)]
    fields: Vec<(String, String)>,
}

fn field(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((path, value)) if !path.is_empty() => Ok((path.to_owned(), value.to_owned())),
        _ => Err("expected FIELD=VALUE"),
    }
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let target = session.instance(args.target).await?;
    let ctx = session.context().await?;
    let before = find_stack(ctx, &target.stack).await?;
    let after = set_fields(ctx, &target, &args.fields).await?;
    show_changes(session, &target, &before, &after).await?;
    Ok(Exit::OK)
}

/// Prints the changes of an edit to the effective config.
pub(super) async fn show_changes(
    session: &Session,
    target: &Target,
    before: &Stack,
    after: &Stack,
) -> Result<(), CliError> {
    let changes = config_changes(session.context().await?, before, after, &target.instance);
    let name = format!("{}/{}", target.stack, target.instance);
    let value = json!({"instance": name, "changes": changes});
    session.terminal.result(&value, || {
        let lines: Vec<String> =
            changes.iter().map(|change| format!("~ {}.{change}", target.instance)).collect();
        lines.join("\n")
    })?;
    if changes.is_empty() {
        session.terminal.note("nothing changed");
    } else if after.engine.is_some() {
        session.terminal.note(&format!("saved; run `devarch apply {}` to apply it", target.stack));
    }
    Ok(())
}
