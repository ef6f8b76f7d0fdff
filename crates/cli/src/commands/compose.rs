use crate::{completion, error::Done, exit::Exit, session::Session};
use clap_complete::ArgValueCandidates;
use devarch_app::{compose_stack, write_compose};
use devarch_core::{compose::ConfigPlace, name::StackName};
use serde_json::json;
use std::{io, path::PathBuf};

/// Arguments of `compose`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Stack; by default this directory's
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: Option<StackName>,
    /// Write compose.yaml and its config files into this directory
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Also write secrets, to a .env file that only you can read
    #[arg(long, requires = "dir")]
    secrets: bool,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let stack = session.stack(args.stack).await?;
    let place = if args.dir.is_some() { ConfigPlace::Beside } else { ConfigPlace::Inline };
    let ctx = session.context().await?;
    let composed = compose_stack(ctx, &stack, place).await?;
    if let Some(why) = composed.unasked {
        session.terminal.note(&format!("volumes that images declare are not in it: {why}"));
    }
    for what in &composed.left_out {
        session.terminal.note(what);
    }
    let Some(directory) = args.dir else {
        if session.terminal.json {
            session.terminal.print_json(&composed.file)?;
        } else {
            session.terminal.data(&composed.file.to_yaml().map_err(io::Error::other)?)?;
        }
        return Ok(Exit::OK);
    };
    let directory = session.directory.join(directory);
    let written = write_compose(ctx, &composed.file, &directory, args.secrets).await?;
    session.terminal.result(&json!({"files": written.files, "left_out": written.left_out}), || {
        let paths: Vec<String> = written.files.iter().map(|path| path.display().to_string()).collect();
        paths.join("\n")
    })?;
    for path in &written.left_out {
        session.terminal.note(&format!("{path} is secret and was left out; --secrets writes it"));
    }
    if !args.secrets && !composed.file.secrets().is_empty() {
        let names: Vec<&str> = composed.file.secrets().keys().map(String::as_str).collect();
        session
            .terminal
            .note(&format!("set {} in the environment, or --secrets writes a .env", names.join(", ")));
    }
    Ok(Exit::OK)
}
