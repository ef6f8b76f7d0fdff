//! Removes every trace of the demo.

use super::{Demo, STACKS};
use crate::{
    devarch::{self, Devarch},
    failure::{Failure, Result},
    http::Client,
    images,
    process::{self, Run as _, program},
    terminal::print_line,
};
use std::{collections::BTreeSet, process::Stdio};

impl Demo {
    /// Removes the stacks, what they left, and the engine if the demo started it.
    pub(super) fn down(&self) -> Result<()> {
        if self.record.exists() {
            self.remove()?;
        }
        print_line("nothing is left of the demo");
        Ok(())
    }

    fn remove(&self) -> Result<()> {
        if self.record.home().is_dir() {
            self.remove_stacks()?;
            self.record.forget_home()?;
        }
        images::remove(self.engine, &self.record.images(), &self.repository)?;
        if self.record.has_started_engine() {
            program(self.repository.path("scripts/engines")).args(["down", self.engine.word()]).run()?;
        }
        self.record.forget()
    }

    fn remove_stacks(&self) -> Result<()> {
        self.engine.start(&self.repository)?;
        if !process::is_program(&devarch::path(&self.repository)) {
            devarch::build(&self.repository)?;
        }
        let (engine, devarch) = (self.engine.connect(&self.repository)?, self.devarch()?);
        let built = built_images(&engine)?;
        for stack in STACKS.into_iter().filter(|stack| is_stored(&devarch, stack)) {
            devarch.run(&["down", stack, "--yes"])?;
            devarch.run(&["stack", "delete", stack, "--yes", "--volumes"])?;
        }
        nothing_left(&engine)?;
        images::remove(self.engine, &built, &self.repository)
    }
}

fn is_stored(devarch: &Devarch, stack: &str) -> bool {
    let mut show = devarch.command(&["stack", "show", stack]);
    show.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// What the containers of `examples/shop/api` were built as; the tag is the store's own.
fn built_images(engine: &Client) -> Result<Vec<String>> {
    let mut images = BTreeSet::new();
    for stack in STACKS {
        let text = engine.get(&format!("/containers/devarch-{stack}-api/json"))?.text();
        let prefix = format!("devarch-{stack}-api:");
        images
            .extend(names(&text).into_iter().filter_map(|name| Some(name[name.find(&prefix)?..].to_owned())));
    }
    Ok(images.into_iter().collect())
}

/// Fails where a container, network or volume of either stack is left.
fn nothing_left(engine: &Client) -> Result<()> {
    for path in ["/containers/json?all=1", "/networks", "/volumes"] {
        let text = engine.get(path)?.success()?.text();
        if let Some(name) = names(&text).into_iter().find(|name| is_ours(name)) {
            return Err(Failure::new(format!("'{name}' is left on {}", engine.address()))
                .help("look at `devarch doctor`, then run `scripts/demo --down` again"));
        }
    }
    Ok(())
}

fn is_ours(name: &str) -> bool {
    let name = name.trim_start_matches('/');
    let is_plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    is_plain && STACKS.iter().any(|stack| name.starts_with(&format!("devarch-{stack}-")))
}

/// The texts between quotes.
fn names(json: &str) -> Vec<&str> {
    json.split('"').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_both_stacks_are_recognised_among_others() {
        let listed = r#"[{"Names":["/devarch-shop-web"],"Command":"sh -c \"x","Image":"devarch-shop-web:1"},{"Name":"devarch-other-db"}]"#;
        let ours: Vec<&str> = names(listed).into_iter().filter(|name| is_ours(name)).collect();
        assert_eq!(ours, ["/devarch-shop-web"]);
    }
}
