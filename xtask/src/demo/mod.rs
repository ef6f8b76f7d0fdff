//! The main use case, shown with the example in `examples/shop`: the same stack twice on one machine, without a
//! collision.

mod claims;
mod down;
mod isolation;
mod orders;
mod record;
mod up;

use crate::{
    devarch::{self, Devarch},
    engine::EngineName,
    failure::{Failure, Result},
    repository::Repository,
};
use record::Record;
use std::process::ExitCode;

/// The two copies.
const STACKS: [&str; 2] = ["shop", "shop-next"];

/// The images of the stacks.
const IMAGES: [&str; 4] = ["nginx:1.27", "postgres:17.2", "redis:7.4", "devarch-example/shop-base:1"];

/// Show the example shop twice, side by side
///
/// Makes both stacks, orders something in each, and shows that neither sees or reaches the other. Prints a PASS or FAIL line
/// for each claim and fails if one of them does. DevArch's home is in target/, so that your own is not touched.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// On which engine; on Docker, unless only Podman runs here
    #[arg(long)]
    engine: Option<EngineName>,
    /// Remove every trace of it
    #[arg(long)]
    down: bool,
}

/// Runs the demo or removes it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let repository = Repository::open()?;
    let record = Record::of(&repository);
    let engine = choose(args.engine, &record, &repository)?;
    let demo = Demo { repository, record, engine };
    if args.down { demo.down().map(|()| ExitCode::SUCCESS) } else { demo.up() }
}

/// The engine that is named, else that of the demo that is up, else Docker.
fn choose(named: Option<EngineName>, record: &Record, repository: &Repository) -> Result<EngineName> {
    if named == Some(EngineName::Rootless) {
        return Err(Failure::new("the demo does not run on 'rootless'").help("name docker or podman"));
    }
    if let Some(engine) = named.or_else(|| record.engine()) {
        return Ok(engine);
    }
    let runs = |engine: EngineName| engine.address(repository).is_some();
    let only_podman = !runs(EngineName::Docker) && runs(EngineName::Podman);
    Ok(if only_podman { EngineName::Podman } else { EngineName::Docker })
}

struct Demo {
    repository: Repository,
    record: Record,
    engine: EngineName,
}

impl Demo {
    /// The program in the example's directory, with the demo's engine and home.
    fn devarch(&self) -> Result<Devarch> {
        let client = self.engine.connect(&self.repository)?;
        Ok(Devarch {
            program: devarch::path(&self.repository),
            directory: self.repository.path("examples/shop"),
            home: self.record.home().to_owned(),
            engine: self.engine,
            address: client.address().clone(),
        })
    }
}
