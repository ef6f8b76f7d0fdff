use crate::{completion, error::Done, exit::Exit, plan_view, session::Session};
use clap_complete::ArgValueCandidates;
use devarch_app::PrepareOptions;
use devarch_core::name::{InstanceName, StackName};

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
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let stack = session.stack(args.stack).await?;
    let options = PrepareOptions { replace: args.replace.into_iter().collect(), ..PrepareOptions::default() };
    let plan = session.app().await?.prepare(&stack, &options).await?.plan;
    session.terminal.result(&plan, || plan_view::render(&plan, args.full))?;
    Ok(if args.detailed_exitcode && !plan.is_empty() { Exit::CHANGES } else { Exit::OK })
}
