//! What an instance's texts amount to once the secrets they refer to are in them.

use super::Effective;
use crate::{
    diagnostic::Problem,
    name::{InstanceName, nearest},
    secret::{BadReference, KeptSecret, Part, SecretName, SecretValue, Undecryptable, parts, refers},
    spec::FileContent,
    stack::Stack,
    template::{ConfigContent, ConfigFile, EnvValue, Given, SecretMount},
    text::Text,
    wire::Wiring,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Fields in which `${secret:NAME}` is replaced, as messages list them.
const FIELDS: &str = "environment, config_files, command, entrypoint, and properties of exports and external";

/// Puts secrets into the texts of an instance, and collects what stands in the way.
pub(super) struct ReferenceResolver<'a> {
    pub(super) stack: &'a Stack,
    /// The instance; of what is the stack's own none.
    pub(super) name: Option<&'a InstanceName>,
    pub(super) generated: &'a BTreeMap<String, KeptSecret>,
    pub(super) problems: Vec<Problem>,
}

impl ReferenceResolver<'_> {
    /// The variables of a container: what a wire gives stands in the place of what the template says.
    pub(super) fn environment(&mut self, effective: &Effective) -> BTreeMap<String, Text> {
        let said = effective.service.environment.iter().flatten();
        let own = said.filter(|(variable, _)| !effective.wired.contains_key(*variable));
        let own = own.map(|(variable, value)| (variable.clone(), self.variable(variable, value)));
        let mut variables: BTreeMap<String, Text> = own.collect();
        let wired = effective.wired.iter();
        variables.extend(wired.map(|(variable, wired)| (variable.clone(), wired.value.clone())));
        variables
    }

    /// A value that is written down.
    pub(super) fn given(&mut self, field: &str, value: &Given) -> Text {
        match value {
            Given::Plain(text) => self.text(field, text),
            Given::Secret(value) => self.secret_text(field, value),
        }
    }

    pub(super) fn words(&mut self, field: &str, words: Option<&Vec<String>>) -> Option<Vec<Text>> {
        let words = words?.iter().enumerate();
        Some(words.map(|(at, word)| self.text(&format!("{field}[{at}]"), word)).collect())
    }

    /// A config file's content; what it refers to makes it a secret.
    pub(super) fn content(&mut self, path: &str, file: &ConfigFile) -> FileContent {
        let field = format!("config_files.{path}");
        let text = match &file.content {
            ConfigContent::Content(text) => self.text(&field, text),
            ConfigContent::Secret(value) => self.secret_text(&field, value),
            ConfigContent::Kept(kept) => return FileContent::Kept(kept.clone()),
            ConfigContent::File { secret: true, .. } => Text::secret(""),
            ConfigContent::File { secret: false, .. } => Text::plain(""),
        };
        text.into()
    }

    pub(super) fn mounted(&mut self, mount: &SecretMount) -> Text {
        let field = format!("secrets.{}", mount.source);
        let mut text = String::new();
        self.put(&field, &mount.source, &mut text);
        Text::secret(text)
    }

    fn variable(&mut self, variable: &str, value: &EnvValue) -> Text {
        let field = format!("environment.{variable}");
        match value {
            EnvValue::Given(given) => self.given(&field, given),
            EnvValue::Generate(_) => match self.generated.get(variable) {
                Some(made) => self.secret_text(&field, &made.value.clone()),
                // Made with the edit that asks for it: this is a definition nobody has saved yet.
                None => Text::secret(""),
            },
        }
    }

    /// A secret's own text may refer to others.
    fn secret_text(&mut self, field: &str, value: &SecretValue) -> Text {
        match value.open() {
            Ok(secret) => match self.text(field, secret.reveal()) {
                Text::Plain(text) => Text::secret(text),
                secret @ Text::Secret(_) => secret,
            },
            Err(why) => self.locked(field, why),
        }
    }

    fn text(&mut self, field: &str, given: &str) -> Text {
        if !refers(given) {
            return Text::plain(given);
        }
        match parts(given) {
            Ok(parts) => self.joined(field, &parts),
            Err(wrong) => {
                self.bad(field, &wrong);
                Text::secret("")
            }
        }
    }

    fn joined(&mut self, field: &str, parts: &[Part<'_>]) -> Text {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Secret(name) => self.put(field, name, &mut text),
            }
        }
        let secret = parts.iter().any(|part| matches!(part, Part::Secret(_)));
        if secret { Text::secret(text) } else { Text::plain(text) }
    }

    fn put(&mut self, field: &str, name: &SecretName, to: &mut String) {
        match self.stack.secrets.get(name).map(|kept| kept.value.open()) {
            Some(Ok(secret)) => to.push_str(secret.reveal()),
            Some(Err(why)) => {
                self.problem(field, format!("secret '{name}' cannot be read: {why}"));
            }
            None => self.problem(field, unset(self.stack, name)),
        }
    }

    fn locked(&mut self, field: &str, why: Undecryptable) -> Text {
        self.problem(field, format!("its value cannot be read: {why}"));
        Text::secret("")
    }

    fn bad(&mut self, field: &str, wrong: &BadReference) {
        self.problem(field, wrong.to_string());
    }

    pub(super) fn problem(&mut self, field: &str, message: String) {
        self.problems.push(Problem { instance: self.name.cloned(), field: field.into(), message });
    }
}

fn unset(stack: &Stack, name: &SecretName) -> String {
    let near = nearest(name.as_str(), stack.secrets.keys().map(SecretName::as_str));
    let hint = near.map_or_else(String::new, |near| format!(" (there is {near:?})"));
    format!(
        "secret '{name}' of stack '{stack}' is not set{hint}; set it with `devarch secret set {stack} {name}`",
        stack = stack.name
    )
}

/// The stack's secrets an effective config refers to, and by which fields.
pub fn secret_uses(effective: &Effective) -> Vec<(SecretName, String)> {
    let mut found = Vec::new();
    let mut look = |field: String, text: &str| {
        for part in parts(text).unwrap_or_default() {
            if let Part::Secret(name) = part {
                found.push((name, field.clone()));
            }
        }
    };
    let service = &effective.service;
    for (variable, value) in service.environment.iter().flatten() {
        let field = format!("environment.{variable}");
        if let EnvValue::Given(given) = value {
            look(field, readable(given));
        }
    }
    for export in &effective.exports {
        for (property, value) in &export.properties {
            look(format!("exports.{}.{property}", export.name), readable(value));
        }
    }
    for (field, words) in [("command", &service.command), ("entrypoint", &service.entrypoint)] {
        words.iter().flatten().for_each(|word| look(field.to_owned(), word));
    }
    for (path, file) in &effective.config_files {
        let field = format!("config_files.{path}");
        match &file.content {
            ConfigContent::Content(text) => look(field, text),
            ConfigContent::Secret(SecretValue::Known(secret)) => look(field, secret.reveal()),
            ConfigContent::Secret(SecretValue::Locked(_))
            | ConfigContent::Kept(_)
            | ConfigContent::File { .. } => {}
        }
    }
    found.extend(service.secrets.iter().flatten().map(|mount| (mount.source.clone(), "secrets".to_owned())));
    found
}

/// The stack's secrets its external providers refer to, and by which fields.
pub fn external_secret_uses(wiring: &Wiring) -> Vec<(SecretName, String)> {
    let mut found = Vec::new();
    for (name, external) in &wiring.external {
        for (property, value) in &external.properties {
            for part in parts(readable(value)).unwrap_or_default() {
                if let Part::Secret(secret) = part {
                    found.push((secret, format!("external.{name}.{property}")));
                }
            }
        }
    }
    found
}

/// The text of a value, as far as it can be read.
fn readable(value: &Given) -> &str {
    match value {
        Given::Plain(text) => text,
        Given::Secret(SecretValue::Known(secret)) => secret.reveal(),
        Given::Secret(SecretValue::Locked(_)) => "",
    }
}

/// References where nothing is put in their place: a label, say, is there for all to see.
pub(super) fn misplaced(name: &InstanceName, effective: &Effective) -> Vec<Problem> {
    // Most services have none: one look at the whole text is less work than one at each value.
    if serde_json::to_string(&effective.service).is_ok_and(|text| !refers(&text)) {
        return Vec::new();
    }
    let mut fields: Map<String, Value> = match serde_json::to_value(&effective.service) {
        Ok(fields) => fields.as_object().cloned().unwrap_or_default(),
        Err(error) => {
            let message = format!("its fields cannot be searched for `${{secret:NAME}}`: {error}");
            return vec![Problem::in_field(name, "service", message)];
        }
    };
    for field in ["environment", "command", "entrypoint"] {
        fields.remove(field);
    }
    let mut found = Vec::new();
    for (field, value) in fields {
        collect(&field, &value, &mut found);
    }
    let message = format!("a secret is not allowed here; ${{secret:NAME}} works in {FIELDS}");
    found.into_iter().map(|field| Problem::in_field(name, field, message.clone())).collect()
}

fn collect(field: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if refers(text) => found.push(field.to_owned()),
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| collect(&format!("{field}.{key}"), value, found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| collect(&format!("{field}[{at}]"), item, found));
        }
        _ => {}
    }
}
