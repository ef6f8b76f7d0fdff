use crate::{
    completion, config_view, error::Done, exit::Exit, finding_view, session::Session, target::Target,
};
use clap_complete::ArgValueCandidates;
use devarch_app::stack_config;
use serde_json::json;

/// Arguments of `config`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Stack or instance; by default this directory's stack
    #[arg(value_name = "STACK[/INSTANCE]", add = ArgValueCandidates::new(completion::targets))]
    target: Option<Target>,
    /// Show where each value comes from
    #[arg(long)]
    origin: bool,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let (stack, instance) = session.target(args.target).await?;
    let configs = stack_config(session.context().await?, &stack, instance.as_ref()).await?;
    if session.terminal.json {
        let value = json!({"stack": stack, "instances": configs.instances, "findings": configs.findings});
        session.terminal.print_json(&value)?;
    } else {
        session.terminal.data(&config_view::render(&configs.instances, args.origin)?)?;
        finding_view::note(session, &configs.findings);
    }
    Ok(Exit::OK)
}
