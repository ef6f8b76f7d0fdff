use crate::{
    completion,
    definition_view::report_edit,
    error::{CliError, Done},
    exit::Exit,
    finding_view,
    session::Session,
    shown::Show as _,
    table::{Cell, Table},
    target::InstanceTarget,
};
use clap_complete::ArgValueCandidates;
use devarch_app::{
    FileError, OperationError, Wires, add_wire, find_stack, instance_environment, list_wires, remove_wire,
};
use devarch_core::{
    name::StackName,
    template::ContractType,
    wire::{self, EnvFormat, LIST_HEADS, ListRow, Secrets, WireDecl, WireFrom, WireTo, env_text},
};
use std::path::{Path, PathBuf};

/// Subcommands of `wire`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List a stack's wires: consumer, import, provider, origin and variables
    List(Where),
    /// Wire an instance's import to a provider, or to none
    Add(Add),
    /// Remove a declared wire; an automatic one may take its place
    Remove(Remove),
    /// Draw a stack's wires
    Graph(Graph),
    /// Print an instance's environment, including values from wires
    Env(Env),
}

/// A stack.
#[derive(Debug, clap::Args)]
pub(crate) struct Where {
    /// Stack; by default this directory's
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: Option<StackName>,
}

/// Arguments of `wire add`.
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    /// The stack
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: StackName,
    /// Consumer: INSTANCE or INSTANCE.IMPORT
    from: WireFrom,
    /// Provider: INSTANCE, INSTANCE.EXPORT, the name of an external provider, or none
    to: WireTo,
    /// Contract type, if the import is not named
    #[arg(long = "contract", value_name = "TYPE", value_parser = contract)]
    contract: Option<ContractType>,
}

/// Arguments of `wire remove`.
#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    /// The stack
    #[arg(add = ArgValueCandidates::new(completion::stacks))]
    stack: StackName,
    /// Consumer: INSTANCE or INSTANCE.IMPORT
    from: WireFrom,
}

/// Arguments of `wire graph`.
#[derive(Debug, clap::Args)]
pub(crate) struct Graph {
    #[command(flatten)]
    stack: Where,
    /// Print Graphviz DOT
    #[arg(long, conflicts_with = "svg")]
    dot: bool,
    /// Write an SVG image to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Arguments of `wire env`.
#[derive(Debug, clap::Args)]
pub(crate) struct Env {
    /// The instance
    #[arg(value_name = "STACK/INSTANCE", add = ArgValueCandidates::new(completion::instances))]
    target: InstanceTarget,
    /// Use host addresses, for a process on this machine
    #[arg(long)]
    host: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Dotenv)]
    format: Format,
    /// Show secret values
    #[arg(long)]
    reveal: bool,
}

/// An output format of `wire env`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A `.env` file
    Dotenv,
    /// Shell commands to evaluate
    Shell,
    /// A JSON object
    Json,
}

fn contract(given: &str) -> Result<ContractType, String> {
    given.parse().map_err(|()| {
        let known = ContractType::ALL.map(ContractType::as_str).join(", ");
        format!("it is not a contract type; known are {known}")
    })
}

pub(super) async fn run(command: Command, session: &Session) -> Done {
    match command {
        Command::List(args) => list(args, session).await,
        Command::Add(args) => add(args, session).await,
        Command::Remove(args) => remove(args, session).await,
        Command::Graph(args) => graph(args, session).await,
        Command::Env(args) => env(args, session).await,
    }
}

async fn list(args: Where, session: &Session) -> Done {
    let stack = session.stack(args.stack).await?;
    let wires = list_wires(session.context().await?, &stack).await?;
    session.terminal.result(&wires, || match wire::list(&wires.resolution).as_slice() {
        [] => format!("no instance of stack '{stack}' imports anything").shown().into_owned(),
        rows => {
            let mut table = Table::new(LIST_HEADS);
            for row in rows {
                table.row(cells(row));
            }
            table.render(0)
        }
    })?;
    for link in &wires.linked_from {
        session.terminal.note(&format!("linked from another stack: {link}"));
    }
    finding_view::note(session, &wires.resolution.findings);
    Ok(Exit::OK)
}

fn cells(row: &ListRow) -> [Cell; 6] {
    row.cells.each_ref().map(|cell| cell.as_str().into())
}

async fn add(args: Add, session: &Session) -> Done {
    let stack = session.stack(Some(args.stack)).await?;
    let wire = WireDecl { from: args.from, to: args.to, contract: args.contract };
    let after = add_wire(session.context().await?, &stack, &wire).await?;
    report_edit(session, &after, &format!("added {wire}; run `devarch apply {stack}` to apply it"))?;
    Ok(Exit::OK)
}

async fn remove(args: Remove, session: &Session) -> Done {
    let stack = session.stack(Some(args.stack)).await?;
    let ctx = session.context().await?;
    let removed = remove_wire(ctx, &stack, &args.from).await?;
    let words = format!("removed {removed}; `devarch wire list {stack}` shows what is wired now");
    report_edit(session, &find_stack(ctx, &stack).await?, &words)?;
    Ok(Exit::OK)
}

async fn graph(args: Graph, session: &Session) -> Done {
    let stack = session.stack(args.stack.stack).await?;
    let Wires { instances, resolution, .. } = list_wires(session.context().await?, &stack).await?;
    if let Some(path) = &args.svg {
        return draw(session, path, &wire::svg(&instances, &resolution));
    }
    if session.terminal.json {
        session.terminal.print_json(&resolution)?;
    } else if args.dot {
        session.terminal.data(&wire::dot(&instances, &resolution))?;
    } else {
        session.terminal.print(&wire::tree(&instances, &resolution))?;
    }
    Ok(Exit::OK)
}

fn draw(session: &Session, path: &Path, picture: &str) -> Done {
    let failed = |source| FileError::Io { action: "write", path: path.to_owned(), source };
    std::fs::write(path, picture).map_err(failed).map_err(OperationError::from)?;
    session.terminal.note(&format!("wrote {}", path.display()));
    Ok(Exit::OK)
}

async fn env(args: Env, session: &Session) -> Done {
    let target = session.instance(args.target).await?;
    let variables = instance_environment(session.context().await?, &target, args.host).await?;
    let format = match args.format {
        _ if session.terminal.json => EnvFormat::Json,
        Format::Dotenv => EnvFormat::Dotenv,
        Format::Shell => EnvFormat::Shell,
        Format::Json => EnvFormat::Json,
    };
    let secrets = if args.reveal { Secrets::Revealed } else { Secrets::Redacted };
    let text = env_text(&variables, format, secrets).map_err(|error| CliError::Invalid(error.to_string()))?;
    session.terminal.data(&text)?;
    Ok(Exit::OK)
}
