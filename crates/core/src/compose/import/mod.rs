//! Import of Compose files: each service becomes a template and an instance of it. A service's mapping is rewritten
//! into a template's ([`service`]) and read by the same readers, so both accept the same values. Nothing is dropped
//! silently: whatever a template does not support is returned as a note.

mod advice;
mod configs;
mod dot_env;
mod mounts;
mod names;
mod paths;
mod secrets;
mod service;
mod substitute;
mod variables;

use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    name::{InstanceName, StackName, TemplateName},
    read::{At, Node, ProjectFile, Reader, Value, template},
    secret::{Secret, SecretName},
    spec::label,
    stack::{InstanceFile, SecretFile, StackFile},
    template::{Overrides, Service},
    wire::ROLE_LABEL,
};
use configs::Configs;
pub use dot_env::dot_env;
use mounts::VolumeNames;
use names::Names;
use paths::Base;
use secrets::Secrets;
use service::Rewrite;
use std::collections::BTreeMap;

/// The inputs of an import besides the Compose file.
#[derive(Debug, Clone, Copy)]
pub struct ImportContext<'a> {
    /// The stack's name if the file has none.
    pub stack: &'a StackName,
    /// The values of variables: those of the shell, then those of `.env`.
    pub variables: &'a BTreeMap<String, String>,
    /// The Compose file's directory relative to the devarch.yml's (`deploy`, `../other`); empty if it is the same.
    pub directory: &'a str,
}

/// The result of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// One stack, with a template and an instance for each service.
    pub project: ProjectFile,
    /// What was changed or left out, where, and what to do about it.
    pub notes: Vec<Diagnostic>,
    /// Values that look secret, by the names under which the project refers to them. They belong in the store, never
    /// in a file.
    pub secrets: BTreeMap<SecretName, Secret>,
    /// Secrets whose values are in files.
    pub secret_files: BTreeMap<SecretName, SecretSource>,
}

/// The file that contains a secret's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSource {
    /// Its path, relative to the Compose file's directory.
    pub path: String,
    /// Where the Compose file refers to it.
    pub place: Option<Place>,
}

/// Imports a Compose file. The stack's name is the file's `name`, or the given one if it has none. Fails if there is
/// nothing to import or a required variable is not set; everything else is a note.
pub fn import(file: &Node, context: &ImportContext<'_>) -> Result<Imported, Diagnostics> {
    let filled = variables::fill_in(file, context.variables)?;
    let notes = Reader::of_notes();
    let root = At::root(&notes, &filled.file);
    let Some(entries) = root.entries() else {
        return Err(notes.into_found());
    };
    let services = entries.iter().find(|(name, _)| *name == "services");
    let Some((_, services)) = services else {
        root.tell("`services` is missing; is this a Compose file?");
        return Err(notes.into_found());
    };
    let Some(services) = services.entries().filter(|services| !services.is_empty()) else {
        services.tell("the file has no service to import");
        return Err(notes.into_found());
    };
    let mut secrets = Secrets::new(filled.secrets, context.variables);
    let file_level = TopLevel::of(&entries, context, &mut secrets);
    shared_volumes(&services);
    let names = Names::of(&services);
    let volumes = VolumeNames::of(&services);
    let (templates, instances) = imported(&services, &names, &volumes, &file_level);
    if instances.is_empty() {
        return Err(notes.into_found());
    }
    let declared = secrets.names().map(|name| (name.clone(), SecretFile::default())).collect();
    let stack = StackFile { instances, secrets: declared, ..StackFile::default() };
    let project = ProjectFile { templates, stacks: BTreeMap::from([(file_level.stack, stack)]) };
    let mut found = notes.into_notes();
    found.extend(filled.notes);
    found.extend(secrets.notes());
    found.sort_by_key(|note| note.place);
    let (secrets, secret_files) = secrets.into_values();
    Ok(Imported { project, notes: found, secrets, secret_files })
}

type Definitions = (BTreeMap<TemplateName, crate::template::Template>, BTreeMap<InstanceName, InstanceFile>);

fn imported(
    services: &[(&str, At<'_>)],
    names: &Names,
    volumes: &VolumeNames,
    file: &TopLevel<'_>,
) -> Definitions {
    let mut definitions = Definitions::default();
    for (given, at) in services {
        let Some((instance, name)) = names.both(given) else {
            continue;
        };
        let Some(rewritten) = Rewrite::new(at, names, volumes, file).service() else {
            continue;
        };
        if rewritten.body.get("image").is_none() && rewritten.body.get("build").is_none() {
            at.tell("it has no `image` and no `build` and was left out");
            continue;
        }
        let body = At::within(at.reader, &at.path, &rewritten.body);
        let Some(mut template) = template(&body, Some(&name)) else {
            continue;
        };
        if template.service.image.is_none() && template.service.build.is_none() {
            at.tell("it has neither `image` nor `build`; it was left out");
            continue;
        }
        leave_out_refused(&mut template.service);
        definitions.0.insert(name.clone(), template);
        let file =
            InstanceFile { template: name, enabled: rewritten.enabled, overrides: Overrides::default() };
        definitions.1.insert(instance, file);
    }
    definitions
}

/// Removes names that readers report but still return, because elsewhere any error rejects the whole text.
fn leave_out_refused(service: &mut Service) {
    let is_name = |name: &String| !name.is_empty() && !name.contains(['=', '\0', ' ']);
    if let Some(variables) = &mut service.environment {
        variables.retain(|name, _| is_name(name));
    }
    if let Some(build) = &mut service.build {
        build.args.retain(|name, _| is_name(name));
    }
    if let Some(labels) = &mut service.labels {
        labels.retain(|name, _| !name.starts_with(label::PREFIX) || name == ROLE_LABEL);
    }
}

/// The top-level fields of a Compose file, except `services`.
struct TopLevel<'a> {
    stack: StackName,
    configs: Configs,
    /// The new names of the file's secrets.
    secrets: BTreeMap<String, SecretName>,
    base: Base<'a>,
}

impl<'a> TopLevel<'a> {
    fn of(entries: &[(&str, At<'_>)], context: &ImportContext<'a>, secrets: &mut Secrets<'_>) -> Self {
        let base = Base::new(context.directory);
        let mut file = Self {
            stack: context.stack.clone(),
            configs: Configs::default(),
            secrets: BTreeMap::new(),
            base,
        };
        for (field, at) in entries {
            match *field {
                "services" => {}
                "name" => file.stack = names::stack(at).unwrap_or(file.stack),
                "volumes" => volumes(at),
                "configs" => file.configs = Configs::of(at, base),
                "secrets" => file.secrets = secrets.declared(at),
                field if field.starts_with("x-") => {}
                field => at.wrong(advice::top_level(field)).unwrap_or_default(),
            }
        }
        file
    }
}

/// Top-level volumes need no declaration in DevArch; any field beyond their name is noted.
fn volumes(at: &At<'_>) {
    for (volume, entry) in at.entries().unwrap_or_default() {
        let Value::Map(_) = entry.node.value else {
            continue;
        };
        for (field, at) in entry.entries().unwrap_or_default() {
            if !field.starts_with("x-") {
                at.tell(advice::volume(volume, field));
            }
        }
    }
}

/// Notes volumes of two services, which become two volumes.
fn shared_volumes(services: &[(&str, At<'_>)]) {
    let mut users: BTreeMap<String, Vec<(&str, At<'_>)>> = BTreeMap::new();
    for (name, at) in services {
        for (volume, at) in mounts::named_volumes(at) {
            let users = users.entry(volume).or_default();
            if users.iter().all(|(user, _)| user != name) {
                users.push((*name, at));
            }
        }
    }
    for (volume, users) in users.iter().filter(|(_, users)| users.len() > 1) {
        let services: Vec<&str> = users.iter().map(|(name, _)| *name).collect();
        users[1].1.tell(format!(
            "volume {volume:?} is shared by {}; each instance gets a volume of its own, mount a directory (./{volume}) in both to share it",
            services.join(", ")
        ));
    }
}
