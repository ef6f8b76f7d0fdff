use crate::{
    apply::{agree, carry_out, report, supply},
    completion,
    error::{CliError, Done},
    exit::Exit,
    image_args::ImageArgs,
    session::Session,
    signals,
};
use clap_complete::ArgValueCandidates;
use devarch_app::{AppError, Draft, PrepareOptions};
use devarch_core::name::{InstanceName, StackName};

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
    /// Use volumes that a removed stack or instance left under the same name
    #[arg(long)]
    reuse_volumes: bool,
    #[command(flatten)]
    images: ImageArgs,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let draft = draft(session, args.stack, args.renamed).await?;
    let app = session.app().await?;
    let cancel = signals::cancel_token();
    let supplied = supply(session, &draft.stack, args.images.options(), &cancel).await?;
    let options = PrepareOptions {
        replace: args.replace.into_iter().collect(),
        reuse_volumes: args.reuse_volumes,
        prove: true,
        ..supplied
    };
    let mut prepared = app.prepare_stack(draft.stack.clone(), &options).await?;
    agree(session, &prepared, &draft.undone)?;
    prepared.stack = app.save(&draft).await?;
    let outcome = carry_out(session, &prepared, &cancel).await?;
    report(session, &prepared.stack.name, outcome).await?;
    Ok(Exit::OK)
}

/// The stack as devarch.yml declares it, or as it is in the store; wanted running. Nothing is saved yet.
async fn draft(
    session: &Session,
    named: Option<StackName>,
    renamed: Option<StackName>,
) -> Result<Draft, CliError> {
    let app = session.app().await?;
    if let Some(source) = app.import_here(&session.directory, named.as_ref(), renamed.as_ref()).await? {
        return Ok(app.draft(&source).await?);
    }
    if renamed.is_some() {
        return Err(CliError::Invalid("--as needs a devarch.yml in this directory".to_owned()));
    }
    let name = session.stack(named).await?;
    if !app.stack(&name).await?.enabled {
        let message = format!("stack '{name}' is disabled; `devarch stack enable {name}` enables it");
        return Err(AppError::Refused(message).into());
    }
    Ok(app.draft_running(&name).await?)
}
