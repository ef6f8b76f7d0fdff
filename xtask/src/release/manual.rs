//! The manual pages of the program and all its commands.

use crate::{
    failure::Result,
    process::{Run as _, program},
};
use std::path::Path;

/// A page of section 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// `devarch-stack-list`.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Asks the program for its page, and for those of the commands that each page lists.
pub(crate) fn pages(devarch: &Path) -> Result<Vec<Page>> {
    let mut pages = Vec::new();
    let mut open: Vec<Vec<String>> = vec![Vec::new()];
    while let Some(command) = open.pop() {
        let text = program(devarch).arg("man").args(&command).read()?;
        let name = [&["devarch".to_owned()], command.as_slice()].concat().join("-");
        for subcommand in subcommands(&name, &text) {
            open.push([command.as_slice(), &[subcommand]].concat());
        }
        pages.push(Page { name, text });
    }
    Ok(pages)
}

/// The subcommands that a page lists, as lines `name\-subcommand(1)`.
fn subcommands(name: &str, page: &str) -> Vec<String> {
    let prefix = format!("{name}-");
    let lines = page.lines().map(|line| line.replace("\\-", "-"));
    let found = lines.filter_map(|line| Some(line.strip_prefix(&prefix)?.strip_suffix("(1)")?.to_owned()));
    found.filter(|subcommand| subcommand != "help").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_lists_its_commands() {
        let page = ".SH SUBCOMMANDS\n.TP\ndevarch\\-secret\\-rotate\\-key(1)\nEncrypt\n.TP\ndevarch\\-secret\\-help(1)\nHelp\n";
        assert_eq!(subcommands("devarch-secret", page), ["rotate-key"]);
    }
}
