use crate::{
    completion,
    error::{CliError, Done},
    session::Session,
    target::InstanceTarget,
};
use clap_complete::ArgValueCandidates;
use devarch_app::{FileError, OperationError, instance_environment};
use devarch_core::text::Text;
use std::{collections::BTreeMap, io, os::unix::process::CommandExt as _, process::Command};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The instance
    #[arg(value_name = "STACK/INSTANCE", add = ArgValueCandidates::new(completion::instances))]
    target: InstanceTarget,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let target = session.instance(args.target).await?;
    let environment = instance_environment(session.context().await?, &target, true).await?;
    let Some((program, words)) = args.command.split_first() else {
        return Err(CliError::Invalid("name a command".to_owned()));
    };
    Err(exec_in_place(program, words, &environment))
}

/// Replaces this process with the command, so that signals, streams and exit code are its own. Returns only on
/// errors.
#[expect(clippy::disallowed_methods, reason = "the user's own program, named on the command line")]
fn exec_in_place(program: &str, words: &[String], environment: &BTreeMap<String, Text>) -> CliError {
    let mut command = Command::new(program);
    command.args(words);
    command.envs(environment.iter().map(|(name, value)| (name, value.reveal())));
    let error = command.exec();
    match error.kind() {
        io::ErrorKind::NotFound => OperationError::from(FileError::Io {
            action: "find the program",
            path: program.into(),
            source: error,
        })
        .into(),
        _ => {
            OperationError::from(FileError::Io { action: "run", path: program.into(), source: error }).into()
        }
    }
}
