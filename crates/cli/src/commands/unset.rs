use super::set::show_changes;
use crate::{completion, error::Done, exit::Exit, session::Session, target::InstanceTarget};
use clap_complete::ArgValueCandidates;
use devarch_app::{find_stack, unset_fields};

/// Arguments of `unset`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The instance
    #[arg(value_name = "STACK/INSTANCE", add = ArgValueCandidates::new(completion::instances))]
    target: InstanceTarget,
    /// Fields: image environment.DEBUG ports.80
    #[arg(required = true, value_name = "FIELD")]
    fields: Vec<String>,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let target = session.instance(args.target).await?;
    let ctx = session.context().await?;
    let before = find_stack(ctx, &target.stack).await?;
    let after = unset_fields(ctx, &target, &args.fields).await?;
    show_changes(session, &target, &before, &after).await?;
    Ok(Exit::OK)
}
