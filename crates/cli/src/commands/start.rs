use crate::{
    apply::{carry_out, report, show_replacing, supply},
    completion,
    error::Done,
    exit::Exit,
    session::Session,
    signals,
    target::Target,
};
use clap_complete::ArgValueCandidates;
use devarch_app::ImageOptions;
use devarch_core::stack::Wanted;

/// What to start.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The stack or instance; this directory's stack where it is left out
    #[arg(value_name = "STACK[/INSTANCE]", add = ArgValueCandidates::new(completion::targets))]
    target: Option<Target>,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let (stack, instance) = session.target(args.target).await?;
    let app = session.app().await?;
    let cancel = signals::cancel_token();
    app.want(&stack, instance.as_ref(), Wanted::Running).await?;
    let options = supply(session, &app.stack(&stack).await?, ImageOptions::default(), &cancel).await?;
    let prepared = app.prepare(&stack, &options).await?;
    show_replacing(session, &prepared);
    let outcome = carry_out(session, &prepared, &cancel).await?;
    report(session, &stack, outcome).await?;
    Ok(Exit::OK)
}
