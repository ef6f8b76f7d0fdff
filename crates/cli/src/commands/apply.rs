use crate::{
    apply::{agree, carry_out, report, supply},
    completion,
    error::Done,
    exit::Exit,
    image_args::ImageArgs,
    session::Session,
    signals,
};
use clap_complete::ArgValueCandidates;
use devarch_app::PrepareOptions;
use devarch_core::name::{InstanceName, StackName};

/// What to apply.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The stack; this directory's where it is left out
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: Option<StackName>,
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
    let stack = session.stack(args.stack).await?;
    let cancel = signals::cancel_token();
    let supplied =
        supply(session, &session.app().await?.stack(&stack).await?, args.images.options(), &cancel).await?;
    let options = PrepareOptions {
        replace: args.replace.into_iter().collect(),
        reuse_volumes: args.reuse_volumes,
        prove: true,
        ..supplied
    };
    let prepared = session.app().await?.prepare(&stack, &options).await?;
    agree(session, &prepared, &[])?;
    let outcome = carry_out(session, &prepared, &cancel).await?;
    report(session, &stack, outcome).await?;
    Ok(Exit::OK)
}
