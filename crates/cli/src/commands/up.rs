use crate::{
    apply::{agree, carry_out, pull, report},
    completion,
    error::{CliError, Done},
    exit::Exit,
    session::Session,
    signals,
};
use clap_complete::ArgValueCandidates;
use devarch_app::{AppError, PrepareOptions};
use devarch_core::{
    name::{InstanceName, StackName},
    stack::Wanted,
};

/// What to bring up.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The stack; this directory's where it is left out
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: Option<StackName>,
    /// Make a stack of another name from this directory's devarch.yml
    #[arg(long = "as", value_name = "NAME")]
    renamed: Option<StackName>,
    /// Make this instance's container anew
    #[arg(long, value_name = "INSTANCE")]
    replace: Vec<InstanceName>,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let stack = define(session, args.stack, args.renamed).await?;
    let app = session.app().await?;
    let cancel = signals::cancel_token();
    pull(session, &stack, &cancel).await?;
    let options = PrepareOptions { replace: args.replace.into_iter().collect(), ..PrepareOptions::default() };
    let prepared = app.prepare(&stack, &options).await?;
    agree(session, &prepared)?;
    let outcome = carry_out(session, &prepared, &cancel).await?;
    report(session, &stack, outcome).await?;
    Ok(Exit::OK)
}

/// The stack as devarch.yml declares it, or as it is in the store; wanted running.
async fn define(
    session: &Session,
    named: Option<StackName>,
    renamed: Option<StackName>,
) -> Result<StackName, CliError> {
    let app = session.app().await?;
    if let Some(source) = app.import_here(&session.directory, named.as_ref(), renamed.as_ref()).await? {
        let imported = app.import(&source).await?;
        if imported.created {
            session.terminal.note(&format!("stack '{}' is new", imported.stack.name));
        }
        return Ok(imported.stack.name);
    }
    if renamed.is_some() {
        return Err(CliError::Invalid("--as needs a devarch.yml in this directory".to_owned()));
    }
    let name = session.stack(named).await?;
    if !app.stack(&name).await?.enabled {
        let message = format!("stack '{name}' is disabled; `devarch stack enable {name}` enables it");
        return Err(AppError::Refused(message).into());
    }
    app.want(&name, None, Wanted::Running).await?;
    Ok(name)
}
