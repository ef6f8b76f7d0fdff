//! Maps the field of a problem back to its place in the file, for problems that are only found when a stack is
//! resolved.

use super::{Node, Value};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place, Problem, SHOWN_ERRORS},
    name::StackName,
};

/// Returns the place in a devarch.yml of each problem of one of its stacks: of the field itself, of the template's,
/// or of the nearest node that exists. If there are very many problems, only the first are located.
pub fn located(root: &Node, stack: &StackName, problems: &[Problem]) -> Diagnostics {
    let looked_for = &problems[..problems.len().min(SHOWN_ERRORS)];
    let mut wrong: Diagnostics = looked_for.iter().map(|problem| one(root, stack, problem)).collect();
    wrong.and_more(problems.len() - looked_for.len());
    wrong
}

fn one(root: &Node, stack: &StackName, problem: &Problem) -> Diagnostic {
    let instance = problem.instance.as_ref().map(|instance| format!(".instances.{instance}"));
    let field = Some(&problem.field).filter(|field| !field.is_whole()).map(|field| format!(".{field}"));
    let field = format!("stacks.{stack}{}{}", instance.unwrap_or_default(), field.unwrap_or_default());
    Diagnostic { place: place(root, stack, problem), field: field.into(), message: problem.message.clone() }
}

fn place(root: &Node, stack: &StackName, problem: &Problem) -> Option<Place> {
    let at_stack = Found::root(root).entry("stacks")?.entry(stack.as_str())?;
    let Some(instance) = &problem.instance else { return at_stack.follow(problem.field.as_str()).place };
    let Some(at) = at_stack.entry("instances").and_then(|at| at.entry(instance.as_str())) else {
        return at_stack.place;
    };
    let own = at.follow(problem.field.as_str());
    let template = at.node.get("template").and_then(|node| match &node.value {
        Value::Text(name) => Found::root(root).entry("templates")?.entry(name),
        _ => None,
    });
    let theirs = template.map(|template| template.follow(problem.field.as_str()));
    match theirs {
        Some(theirs) if own.depth == 0 && theirs.depth > 0 => theirs.place,
        _ => own.place,
    }
}

/// A node on the path to a field.
#[derive(Clone, Copy)]
struct Found<'a> {
    node: &'a Node,
    /// The place of its key.
    place: Option<Place>,
    /// How many parts of the field lead to it.
    depth: usize,
}

impl<'a> Found<'a> {
    fn root(node: &'a Node) -> Self {
        Self { node, place: node.place, depth: 0 }
    }

    fn entry(self, key: &str) -> Option<Self> {
        let Value::Map(entries) = &self.node.value else { return None };
        let (key, node) = entries.iter().find(|(found, _)| found.text == key)?;
        Some(Self { node, place: key.place, depth: self.depth + 1 })
    }

    /// Returns the deepest node on the path to a field: `wires[0].to`, `environment.NAME`,
    /// `config_files./etc/app.conf`.
    fn follow(self, field: &str) -> Self {
        let start = Self { depth: 0, ..self };
        start.step(field).unwrap_or(start)
    }

    fn step(self, field: &str) -> Option<Self> {
        if field.is_empty() {
            return Some(self);
        }
        match &self.node.value {
            // Keys may contain dots: the longest match wins.
            Value::Map(_) => ends(field).find_map(|end| {
                let (key, rest) = field.split_at(end);
                let added = || self.entry(&format!("{key}_add"));
                let found = self.entry(key).or_else(added)?;
                let rest = rest.strip_prefix('.').unwrap_or(rest);
                Some(found.step(rest).unwrap_or(found))
            }),
            Value::List(items) => {
                let (item, rest) = match field.strip_prefix('[').and_then(|field| field.split_once(']')) {
                    Some((number, rest)) => (items.get(number.parse::<usize>().ok()?)?, rest),
                    None => ends(field).find_map(|end| {
                        let (name, rest) = field.split_at(end);
                        Some((items.iter().find(|item| is_called(item, name))?, rest))
                    })?,
                };
                let found = Self { node: item, place: item.place.or(self.place), depth: self.depth + 1 };
                Some(found.step(rest.strip_prefix('.').unwrap_or(rest)).unwrap_or(found))
            }
            _ => None,
        }
    }
}

/// Returns where the first part of a field can end, longest first.
fn ends(field: &str) -> impl Iterator<Item = usize> + '_ {
    let inner = field.char_indices().rev().filter(|(_, c)| matches!(c, '.' | '[')).map(|(at, _)| at);
    std::iter::once(field.len()).chain(inner)
}

/// Returns whether a field refers to this item of a list: by its name, or by the start of its text.
fn is_called(item: &Node, name: &str) -> bool {
    const NAMES: [&str; 3] = ["name", "target", "source"];
    let text = |node: &Node| match &node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    };
    let plain = name.trim_end_matches("/tcp");
    match text(item) {
        Some(text) => text == plain || text.split([':', '=']).any(|part| part == plain || part == name),
        None => NAMES.iter().filter_map(|key| item.get(key)).filter_map(text).any(|text| text == plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::parse_yaml;

    const FILE: &str = "\
version: \"1\"
templates:
  api:
    image: my/api:1
    environment: [MODE=fast, KEY=x]
    exports:
      - {name: http, type: http, port: 8000, properties: {path: '${env:NO}'}}
stacks:
  shop:
    wires:
      - {from: api, to: db}
      - {from: api, to: nowhere}
    external:
      billing: {type: postgres, host: localhost}
    instances:
      api:
        template: api
        environment_add: {TOKEN: x}
        ports: [80, 127.0.0.1:81:81]
        config_files:
          /etc/app.conf: {content: x}
      db: {template: postgres}
";

    fn at(instance: Option<&str>, field: &str) -> (u64, u64) {
        let root = parse_yaml(FILE).unwrap();
        let instance = instance.map(|name| name.parse().unwrap());
        let problem = Problem { instance, field: field.into(), message: String::new() };
        let found = located(&root, &"shop".parse().unwrap(), &[problem]);
        let place = found[0].place.unwrap();
        (place.line, place.column)
    }

    #[test]
    fn a_problem_is_located_where_it_was_defined() {
        assert_eq!(at(None, "wires[1].to"), (12, 21));
        assert_eq!(at(None, "wires[0]"), (11, 9));
        assert_eq!(at(None, "external.billing.host"), (14, 33));
        assert_eq!(at(Some("api"), "environment.TOKEN"), (18, 27));
        assert_eq!(at(Some("api"), "ports.81/tcp"), (19, 21));
        assert_eq!(at(Some("api"), "config_files./etc/app.conf"), (21, 11));
        assert_eq!(at(Some("api"), "exports.http.properties.path"), (7, 59), "the template's");
        assert_eq!(at(Some("api"), "environment.OTHER"), (18, 9), "as near as there is anything");
        assert_eq!(at(Some("db"), "imports.db"), (22, 7));
        assert_eq!(at(None, "network"), (9, 3));
    }
}
