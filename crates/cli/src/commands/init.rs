use crate::{
    completion,
    error::{CliError, Done},
    exit::Exit,
    session::Session,
};
use clap_complete::ArgValueCandidates;
use devarch_app::{
    Catalog, ComposeImport, ComposeSource, free_copy_name, keep_imported_secrets, own_places,
    project_from_compose, project_of, write_project,
};
use devarch_core::{
    name::{InstanceName, InvalidName, StackName, TemplateName},
    read::ProjectFile,
    secret::{Secret, SecretName},
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    str::FromStr,
};

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Import this Compose file
    #[arg(long, value_name = "FILE", conflicts_with = "templates")]
    from: Option<PathBuf>,
    /// The stack's name
    #[arg(long, value_name = "NAME")]
    stack: Option<StackName>,
    /// Overwrite an existing devarch.yml
    #[arg(long)]
    force: bool,
    /// Templates to create an instance of, with an optional name for each
    #[arg(value_name = "[NAME=]TEMPLATE", add = ArgValueCandidates::new(completion::templates))]
    templates: Vec<Named>,
}

/// An instance's name and its template.
#[derive(Debug, Clone)]
struct Named(InstanceName, TemplateName);

impl FromStr for Named {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (name, template) = text.split_once('=').unwrap_or((text, text));
        Ok(Self(name.parse()?, template.parse()?))
    }
}

pub(super) async fn run(args: Args, session: &Session) -> Done {
    let stack = match args.stack {
        Some(stack) => stack,
        None => ask_for_stack(session)?,
    };
    let imported = match args.from {
        Some(file) => import(session, &file, &stack).await?,
        None => Imported { project: choose(session, stack, args.templates)?, secrets: BTreeMap::new() },
    };
    let Imported { project, secrets } = imported;
    let path = write_project(&session.directory, &project, args.force)?;
    let stacks: Vec<&StackName> = project.stacks.keys().collect();
    if !secrets.is_empty() {
        for stack in &stacks {
            keep(session, stack, &secrets).await?;
        }
    }
    let names: Vec<&SecretName> = secrets.keys().collect();
    let value = json!({"file": path, "stacks": stacks, "secrets": names});
    session.terminal.result(&value, || path.display().to_string())?;
    session.terminal.note("`devarch up` brings it up");
    Ok(Exit::OK)
}

/// The content of a devarch.yml, and the values of its secrets.
struct Imported {
    project: ProjectFile,
    secrets: BTreeMap<SecretName, Secret>,
}

/// Secrets are stored by stack, so a stack with secrets needs a name that no other directory uses.
async fn import(session: &Session, file: &Path, stack: &StackName) -> Result<Imported, CliError> {
    let path = session.directory.join(file);
    let settings = session.settings();
    let (directory, home) = (session.directory.canonicalize()?, settings.user_home.as_deref());
    let host = own_places(settings);
    let source = ComposeSource { file: &path, directory: &directory, stack, host: &host, home };
    let ComposeImport { mut project, notes, secrets } = project_from_compose(&source, env::vars_os())?;
    for note in notes {
        session.terminal.note(&format!("note: {}:{note}", file.display()));
    }
    if !secrets.is_empty() {
        let ctx = session.context().await?;
        for (requested, declared) in std::mem::take(&mut project.stacks) {
            let name = free_copy_name(ctx, &session.directory, &requested).await?;
            if name != requested {
                session.terminal.note(&format!(
                    "note: another directory has a stack '{requested}' already; this one is named '{name}'"
                ));
            }
            project.stacks.insert(name, declared);
        }
    }
    Ok(Imported { project, secrets })
}

/// Stores the secrets, after the file was written.
async fn keep(
    session: &Session,
    stack: &StackName,
    secrets: &BTreeMap<SecretName, Secret>,
) -> Result<(), CliError> {
    let names: Vec<&str> = secrets.keys().map(SecretName::as_str).collect();
    let names = names.join(", ");
    let kept = keep_imported_secrets(session.context().await?, &session.directory, stack, secrets).await;
    kept.inspect_err(|_| {
        session.terminal.note(&format!(
            "devarch.yml was written, but these secrets of stack '{stack}' were not stored: {names}; `devarch secret set \
             NAME` sets each"
        ));
    })?;
    session.terminal.note(&format!("stored secrets of stack '{stack}': {names}"));
    Ok(())
}

fn choose(session: &Session, stack: StackName, mut named: Vec<Named>) -> Result<ProjectFile, CliError> {
    let catalog = Catalog::open(Some(&session.directory), &session.settings().home);
    if named.is_empty() {
        if !session.terminal.interactive {
            return Err(CliError::Invalid(
                "name templates (`devarch catalog list` shows them), or a Compose file with --from"
                    .to_owned(),
            ));
        }
        let templates: Vec<String> =
            catalog.names()?.into_keys().map(|template| template.to_string()).collect();
        let picked = session.terminal.choose("Which templates?", &templates)?;
        named = picked.iter().filter_map(|at| templates.get(*at)?.parse().ok()).collect();
    }
    let instances: Vec<_> = named.into_iter().map(|Named(name, template)| (name, template)).collect();
    Ok(project_of(&catalog, stack, &instances)?)
}

/// The directory's name is only a suggestion, never a silent default.
fn ask_for_stack(session: &Session) -> Result<StackName, CliError> {
    let directory = session.directory.canonicalize()?;
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let suggestion = StackName::suggest(&name, "dev");
    let given = match (session.terminal.yes, session.terminal.interactive) {
        (true, _) => suggestion,
        (false, true) => session.terminal.ask("Name of the stack?", &suggestion)?,
        (false, false) => {
            let message = format!("name the stack: --stack {suggestion}, or --yes to accept that name");
            return Err(CliError::Invalid(message));
        }
    };
    given.parse().map_err(|error: InvalidName| CliError::Invalid(error.to_string()))
}
