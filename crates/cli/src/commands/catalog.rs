use crate::{
    completion, config_view,
    error::{CliError, Done},
    exit::Exit,
    session::Session,
    table::Table,
    target::Target,
};
use clap_complete::ArgValueCandidates;
use devarch_app::{Catalog, CatalogEntry, CatalogSource, Project, shown_template, upgrade_templates};
use devarch_core::name::{InstanceName, TemplateName};
use serde_json::{Value, json};
use std::{io, path::PathBuf};

/// Subcommands of `catalog`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List all templates
    List,
    /// Search templates by name, description and image
    Search {
        /// The text
        text: String,
    },
    /// Show a template
    Show {
        /// Its name
        #[arg(add = ArgValueCandidates::new(completion::templates))]
        name: TemplateName,
    },
    /// Add a template's file to the home's catalog
    Add {
        /// The file
        file: PathBuf,
        /// Replace a template of the same name
        #[arg(long)]
        replace: bool,
    },
    /// Remove a template from the home's catalog; instances keep theirs
    Remove {
        /// Its name
        #[arg(add = ArgValueCandidates::new(completion::templates))]
        name: TemplateName,
    },
    /// Update instances to the catalog's current templates
    Upgrade {
        /// Stack or instance; by default this directory's stack
        #[arg(value_name = "STACK[/INSTANCE]", add = ArgValueCandidates::new(completion::targets))]
        target: Option<Target>,
    },
}

pub(super) async fn run(command: Command, session: &Session) -> Done {
    let home = &session.settings().home;
    let catalog = Catalog::open(Project::find(&session.directory).as_deref(), home);
    match command {
        Command::List => list(session, &catalog.list()?),
        Command::Search { text } => search(session, &catalog, &text),
        Command::Show { name } => show(session, &catalog.get(&name)?),
        Command::Add { file, replace } => {
            let name = catalog.add(&session.directory.join(file), home, replace)?;
            done(session, &json!({"added": name}), &format!("added template '{name}'"))
        }
        Command::Remove { name } => {
            catalog.remove(&name, home)?;
            done(session, &json!({"removed": name}), &format!("removed template '{name}'"))
        }
        Command::Upgrade { target } => upgrade(session, target).await,
    }
}

fn list(session: &Session, entries: &[CatalogEntry]) -> Done {
    let value: Vec<Value> = entries.iter().map(as_json).collect();
    session.terminal.result(&json!({"templates": value}), || {
        let mut table = Table::new(["TEMPLATE", "IMAGE", "FROM", "DESCRIPTION"]);
        for CatalogEntry { source, template } in entries {
            let image = template.service.image.as_deref().unwrap_or_default();
            table.row([
                template.name.as_str().into(),
                image.into(),
                origin(source).into(),
                template.description.as_str().into(),
            ]);
        }
        table.render(0)
    })?;
    Ok(Exit::OK)
}

fn search(session: &Session, catalog: &Catalog, text: &str) -> Done {
    let text = text.to_lowercase();
    let holds = |entry: &CatalogEntry| {
        let template = &entry.template;
        let image = template.service.image.as_deref().unwrap_or_default();
        [template.name.as_str(), &template.description, image]
            .iter()
            .any(|of| of.to_lowercase().contains(&text))
    };
    let mut entries = catalog.list()?;
    entries.retain(holds);
    if entries.is_empty() {
        session.terminal.note("no template contains that; `devarch catalog list` shows all");
    }
    list(session, &entries)
}

fn show(session: &Session, entry: &CatalogEntry) -> Done {
    let shown = shown_template(&entry.template).map_err(io::Error::other)?;
    if session.terminal.json {
        session.terminal.print_json(&shown)?;
    } else {
        session.terminal.data(&config_view::yaml(&shown)?)?;
    }
    Ok(Exit::OK)
}

async fn upgrade(session: &Session, target: Option<Target>) -> Done {
    let (stack, instance) = session.target(target).await?;
    let upgraded = upgrade_templates(session.context().await?, &stack, instance.as_ref()).await?;
    let words = if upgraded.is_empty() {
        format!("everything in '{stack}' is pinned to the catalog's templates as they are")
    } else {
        let names: Vec<&str> = upgraded.iter().map(InstanceName::as_str).collect();
        format!("upgraded {}; `devarch plan {stack}` shows what that changes", names.join(", "))
    };
    done(session, &json!({"upgraded": upgraded}), &words)
}

fn as_json(entry: &CatalogEntry) -> Value {
    json!({
        "name": entry.template.name,
        "description": entry.template.description,
        "image": entry.template.service.image,
        "from": origin(&entry.source),
    })
}

fn origin(source: &CatalogSource) -> String {
    match source {
        CatalogSource::Embedded => "devarch".to_owned(),
        CatalogSource::File(path) => path.display().to_string(),
    }
}

fn done(session: &Session, value: &Value, words: &str) -> Result<Exit, CliError> {
    if session.terminal.json {
        session.terminal.print_json(value)?;
    } else {
        session.terminal.note(words);
    }
    Ok(Exit::OK)
}
