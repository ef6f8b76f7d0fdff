//! The wires of a stack as a graph: DOT for a file, a tree for a terminal.

use super::{How, ProviderName, Resolution, Wire};
use crate::name::InstanceName;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// A graph in the DOT language (Graphviz, "DOT Language"): consumers on the left, automatic wires dashed, new ones
/// bold. `names` are all instances of the stack, so that those without wires are included.
pub fn dot<'a>(names: impl IntoIterator<Item = &'a InstanceName>, resolution: &Resolution) -> String {
    let mut text =
        String::from("digraph wires {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n");
    for name in names {
        let _ = writeln!(text, "  {};", quoted(name.as_str()));
    }
    let outside: BTreeSet<&ProviderName> = resolution
        .links
        .iter()
        .map(|link| &link.to.provider)
        .filter(|provider| !matches!(provider, ProviderName::Instance(_)))
        .collect();
    for provider in outside {
        let _ = writeln!(text, "  {} [shape=ellipse];", quoted(&provider.to_string()));
    }
    for link in &resolution.links {
        let mut style = Vec::new();
        if link.how == How::Auto {
            style.push("dashed");
        }
        if link.new {
            style.push("bold");
        }
        let style = if style.is_empty() { String::new() } else { format!(", style=\"{}\"", style.join(",")) };
        let label = quoted(&label(link));
        let from = quoted(link.consumer.as_str());
        let to = quoted(&link.to.provider.to_string());
        let _ = writeln!(text, "  {from} -> {to} [label={label}{style}];");
    }
    text.push_str("}\n");
    text
}

/// A double-quoted string of DOT: only `"` needs an escape, and a backslash would be one.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The import, and the type unless the name contains it.
pub(super) fn label(link: &Wire) -> String {
    let contract = link.contract.as_str();
    if link.import == contract { contract.to_owned() } else { format!("{} ({contract})", link.import) }
}

/// The graph as a tree: instances without consumers at the left, providers below their consumers. A repeated subtree is
/// only named and marked `^`.
pub fn tree<'a>(names: impl IntoIterator<Item = &'a InstanceName>, resolution: &Resolution) -> String {
    let names: Vec<&InstanceName> = names.into_iter().collect();
    let mut links: BTreeMap<&InstanceName, Vec<&Wire>> = BTreeMap::new();
    let mut provides: BTreeSet<&InstanceName> = BTreeSet::new();
    for link in &resolution.links {
        links.entry(&link.consumer).or_default().push(link);
        if let ProviderName::Instance(name) = &link.to.provider {
            provides.insert(name);
        }
    }
    let mut drawing = Drawing { links, drawn: BTreeSet::new(), text: String::new() };
    let roots = names.iter().filter(|name| !provides.contains(**name));
    // Members of a cycle have no root: they are drawn from the first of them.
    for name in roots.chain(&names) {
        if drawing.drawn.contains(*name) {
            continue;
        }
        let _ = writeln!(drawing.text, "{name}");
        drawing.below(name, "");
    }
    drawing.text
}

struct Drawing<'r> {
    links: BTreeMap<&'r InstanceName, Vec<&'r Wire>>,
    drawn: BTreeSet<&'r InstanceName>,
    text: String,
}

impl<'r> Drawing<'r> {
    /// Draws the providers of an instance. Depth is on the heap: chains may be as long as stacks are large.
    fn below(&mut self, root: &'r InstanceName, indent: &str) {
        self.drawn.insert(root);
        let mut todo = self.level(root, indent);
        while let Some((link, last, indent)) = todo.pop() {
            let branch = if last { "└─ " } else { "├─ " };
            let how = match (link.how, link.new) {
                (How::Explicit, false) => "",
                (How::Explicit, true) => ", new",
                (How::Auto, false) => ", auto",
                (How::Auto, true) => ", auto, new",
            };
            let _ = write!(self.text, "{indent}{branch}{}: {}{how}", label(link), link.to.provider);
            let ProviderName::Instance(name) = &link.to.provider else {
                self.text.push_str(" (outside)\n");
                continue;
            };
            let again = !self.drawn.insert(name) && self.links.contains_key(name);
            self.text.push_str(if again { " ^\n" } else { "\n" });
            if !again {
                let indent = format!("{indent}{}", if last { "   " } else { "│  " });
                todo.extend(self.level(name, &indent));
            }
        }
    }

    /// The entries below an instance, in reverse order.
    fn level(&self, name: &InstanceName, indent: &str) -> Vec<(&'r Wire, bool, String)> {
        let links = self.links.get(name).map_or(&[][..], Vec::as_slice);
        let count = links.len();
        let one = |(number, link): (usize, &&'r Wire)| (*link, number + 1 == count, indent.to_owned());
        links.iter().enumerate().map(one).rev().collect()
    }
}
