use crate::{browser, completion, error::Done, exit::Exit, session::Session, target::Target};
use clap_complete::ArgValueCandidates;
use devarch_app::{Ambiguous, OperationError, StatusOptions, WrongState, find_instance, stack_status};
use serde_json::json;

/// Arguments of `open`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Stack or instance; by default this directory's stack
    #[arg(value_name = "STACK[/INSTANCE]", add = ArgValueCandidates::new(completion::targets))]
    target: Option<Target>,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let (stack, instance) = session.target(args.target).await?;
    let ctx = session.context().await?;
    if let Some(instance) = &instance {
        find_instance(ctx, &stack, instance).await?;
    }
    let status = stack_status(ctx, &stack, StatusOptions::default()).await?;
    let chosen = status
        .instances
        .into_iter()
        .filter(|status| instance.as_ref().is_none_or(|name| *name == status.name));
    let urls: Vec<(String, String)> = chosen
        .flat_map(|status| status.urls.into_iter().map(move |url| (status.name.to_string(), url)))
        .collect();
    match urls.as_slice() {
        [] => Err(OperationError::from(WrongState::NoUrl(stack)).into()),
        [(_, url)] => {
            session.terminal.result(&json!({"url": url}), || url.clone())?;
            if session.terminal.interactive && !session.terminal.json && !browser::open(url) {
                session.terminal.note("no browser could be started");
            }
            Ok(Exit::OK)
        }
        several => {
            let urls = several.iter().map(|(name, url)| format!("{stack}/{name}  {url}")).collect();
            Err(OperationError::from(Ambiguous::Urls { stack, urls }).into())
        }
    }
}
