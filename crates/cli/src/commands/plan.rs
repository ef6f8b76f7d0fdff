use crate::{
    completion,
    error::{CliError, Done},
    exit::Exit,
    image_args::PullArg,
    plan_view,
    session::Session,
};
use clap_complete::ArgValueCandidates;
use devarch_app::PrepareOptions;
use devarch_core::{
    name::{InstanceName, StackName},
    stack::Stack,
};

/// What to plan.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The stack; this directory's where it is left out
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: Option<StackName>,
    /// Show created instances in full
    #[arg(long)]
    full: bool,
    /// Exit with 2 if there is something to do
    #[arg(long)]
    detailed_exitcode: bool,
    /// Plan to make this instance's container anew
    #[arg(long, value_name = "INSTANCE")]
    replace: Vec<InstanceName>,
    /// Use volumes that a removed stack or instance left under the same name
    #[arg(long)]
    reuse_volumes: bool,
    #[command(flatten)]
    pull: PullArg,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let stack = stack(session, args.stack).await?;
    let options = PrepareOptions {
        replace: args.replace.into_iter().collect(),
        reuse_volumes: args.reuse_volumes,
        images: args.pull.options(),
        ..PrepareOptions::default()
    };
    let plan = session.app().await?.prepare_stack(stack, &options).await?.plan;
    session.terminal.result(&plan, || plan_view::render(&plan, args.full))?;
    Ok(if args.detailed_exitcode && !plan.is_empty() { Exit::CHANGES } else { Exit::OK })
}

/// The stack as it is in the store; where it is not there yet, as this directory's devarch.yml would make it.
async fn stack(session: &Session, named: Option<StackName>) -> Result<Stack, CliError> {
    let app = session.app().await?;
    let Ok(Some(source)) = app.import_here(&session.directory, named.as_ref(), None).await else {
        return Ok(app.stack(&session.stack(named).await?).await?);
    };
    let draft = app.draft(&source).await?;
    let Some(before) = draft.before else { return Ok(draft.stack) };
    if before.imported != draft.stack.imported {
        let name = &before.name;
        let note = format!(
            "devarch.yml was changed since stack '{name}' was made from it; `devarch up` takes that in"
        );
        session.terminal.note(&note);
    }
    Ok(before)
}
