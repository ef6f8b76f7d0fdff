use crate::{
    completion,
    error::Done,
    exit::Exit,
    session::Session,
    status_view::{self, Statuses},
};
use clap_complete::ArgValueCandidates;
use devarch_app::{Project, StatusOptions, all_statuses, stack_status};
use devarch_core::name::StackName;

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Stack; by default this directory's, or all without a devarch.yml
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: Option<StackName>,
    /// All stacks
    #[arg(short, long, conflicts_with = "stack")]
    all: bool,
    /// Run the health checks that the engine does not run, and show their results
    #[arg(long)]
    probe: bool,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let ctx = session.context().await?;
    let options = StatusOptions { probe: args.probe };
    let all = args.all || (args.stack.is_none() && Project::find(&session.directory).is_none());
    let stacks = if all {
        all_statuses(ctx, options).await?
    } else {
        vec![stack_status(ctx, &session.stack(args.stack).await?, options).await?]
    };
    session.terminal.result(&Statuses { stacks: &stacks }, || status_view::render(&stacks))?;
    let unknown: Vec<&str> =
        stacks.iter().filter(|stack| stack.unknown.is_some()).map(|stack| stack.name.as_str()).collect();
    if unknown.is_empty() {
        return Ok(Exit::OK);
    }
    session.terminal.note(&format!(
        "the engine of {} cannot be reached, so its state is unknown; `devarch doctor` shows how to fix it",
        unknown.join(", ")
    ));
    Ok(Exit::ENGINE)
}
