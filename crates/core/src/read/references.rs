//! References in a devarch.yml to unknown names, reported together with the errors of the text itself.

use super::{At, Node, Reader, Value, wires::unknown_ends};
use crate::{
    diagnostic::Diagnostics,
    name::{InstanceName, TemplateName, nearest},
};
use std::collections::BTreeSet;

/// Returns an error at its place for each template that is neither the file's own nor among `templates`, and for each
/// dependency or wire to an instance that its stack does not have. Invalid names are left to [`super::read_project`].
pub fn unknown_references(node: &Node, templates: &BTreeSet<TemplateName>) -> Diagnostics {
    let reader = Reader::new();
    let root = At::root(&reader, node);
    let own = entries(&root, "templates");
    let known: BTreeSet<&str> =
        templates.iter().map(TemplateName::as_str).chain(own.iter().map(|(name, _)| *name)).collect();
    for (_, stack) in entries(&root, "stacks") {
        let instances = entries(&stack, "instances");
        let names: BTreeSet<&str> = instances.iter().map(|(name, _)| *name).collect();
        for (_, instance) in &instances {
            template(instance, &known);
            dependencies(instance, &names);
        }
        if let Some(wires) = field(&stack, "wires") {
            let external = entries(&stack, "external");
            unknown_ends(&wires, &names, &external.iter().map(|(name, _)| *name).collect());
        }
    }
    reader.into_found()
}

fn template(instance: &At<'_>, known: &BTreeSet<&str>) {
    let Some(at) = field(instance, "template") else { return };
    let Value::Text(name) = &at.node.value else { return };
    if name.parse::<TemplateName>().is_ok() && !known.contains(name.as_str()) {
        at.tell_with(|| {
            let hint = nearest(name, known.iter().copied()).map_or_else(
                || "`devarch catalog list` shows all".to_owned(),
                |near| format!("did you mean '{near}'?"),
            );
            format!("template '{name}' not found; {hint}")
        });
    }
}

fn dependencies(instance: &At<'_>, known: &BTreeSet<&str>) {
    let Some(at) = field(instance, "depends_on") else { return };
    let items = if matches!(at.node.value, Value::List(_)) { at.items() } else { None };
    for item in items.unwrap_or_default() {
        if let Value::Text(name) = &item.node.value {
            provider(&item, name, known);
        }
    }
    for (name, entry) in mapping(&at) {
        let optional = entry.node.get("required").is_some_and(|of| matches!(of.value, Value::Bool(false)));
        if !optional {
            provider(&entry.key(), name, known);
        }
    }
}

fn provider(at: &At<'_>, name: &str, known: &BTreeSet<&str>) {
    if name.parse::<InstanceName>().is_ok() && !known.contains(name) {
        at.tell_with(|| {
            let near = nearest(name, known.iter().copied());
            let hint = near.map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
            format!("the stack has no instance '{name}'{hint}")
        });
    }
}

fn field<'a>(at: &At<'a>, name: &str) -> Option<At<'a>> {
    mapping(at).into_iter().find(|(key, _)| *key == name).map(|(_, at)| at)
}

fn entries<'a>(at: &At<'a>, name: &str) -> Vec<(&'a str, At<'a>)> {
    field(at, name).map(|at| mapping(&at)).unwrap_or_default()
}

/// Returns the entries of a mapping; anything else was already reported.
fn mapping<'a>(at: &At<'a>) -> Vec<(&'a str, At<'a>)> {
    if matches!(at.node.value, Value::Map(_)) { at.entries().unwrap_or_default() } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::parse_yaml;

    #[test]
    fn unknown_templates_and_providers_are_reported_with_their_place() {
        let text = "
templates: { mine: {image: x} }
stacks:
  shop:
    instances:
      web: { template: mine, depends_on: [dv, db] }
      db: { template: postgers, depends_on: { web: , cache: {required: true}, late: {required: false}, Bad: } }
      odd: 5
";
        let known = BTreeSet::from(["postgres".parse().unwrap()]);
        let found = unknown_references(&parse_yaml(text).unwrap(), &known);
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(shown.join("\n"), @"
        6:43: stacks.shop.instances.web.depends_on[0]: the stack has no instance 'dv'; did you mean 'db'?
        7:23: stacks.shop.instances.db.template: template 'postgers' not found; did you mean 'postgres'?
        7:54: stacks.shop.instances.db.depends_on.cache: the stack has no instance 'cache'
        ");
    }
}
