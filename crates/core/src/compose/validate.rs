use super::{ComposeFile, model::Service};
use crate::{diagnostic::Problem, name::InstanceName};
use std::collections::BTreeSet;

/// Returns violations of the Compose specification's schema, by instance and field. The types rule out all but two: a
/// list with a repeated entry (`uniqueItems`), and an empty name (`patternProperties: .+`).
pub fn validate(file: &ComposeFile) -> Vec<Problem> {
    let services = file.services.iter();
    services.flat_map(|(name, service)| validate_service(name, service)).collect()
}

fn validate_service(name: &InstanceName, service: &Service) -> Vec<Problem> {
    let repeated = [
        ("ports", repeated(&service.ports)),
        ("volumes", repeated(&service.volumes)),
        ("tmpfs", repeated(&service.tmpfs)),
        ("extra_hosts", repeated(&service.extra_hosts)),
        ("dns", repeated(&service.dns)),
        ("cap_add", repeated(&service.cap_add)),
        ("cap_drop", repeated(&service.cap_drop)),
        ("security_opt", repeated(&service.security_opt)),
        ("group_add", repeated(&service.group_add)),
    ];
    let nameless = [
        ("environment", nameless(service.environment.keys())),
        ("build.args", nameless(service.build.iter().flat_map(|build| build.args.keys()))),
        ("labels", nameless(service.labels.keys())),
        ("sysctls", nameless(service.sysctls.keys())),
    ];
    let repeated = repeated.into_iter().flat_map(|(field, entries)| {
        let problem = move |entry| {
            let message = format!("{entry} is listed twice; Compose allows it once, remove one");
            Problem::in_field(name, field, message)
        };
        entries.into_iter().map(problem)
    });
    let nameless = nameless.into_iter().filter(|(_, found)| *found);
    let nameless = nameless.map(|(field, _)| {
        let message = "an entry has no name; Compose needs one, name it or remove it";
        Problem::in_field(name, field, message)
    });
    repeated.chain(nameless).collect()
}

/// Returns the entries that occur more than once, as JSON, each once.
fn repeated<T: serde::Serialize>(entries: &[T]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let shown = entries.iter().filter_map(|entry| serde_json::to_string(entry).ok());
    shown.filter(|entry| !seen.insert(entry.clone())).collect()
}

/// A pattern's `.` matches no line break, so a name of only line breaks counts as empty too.
fn nameless<'a>(mut names: impl Iterator<Item = &'a String>) -> bool {
    names.any(|name| name.chars().all(|c| c == '\n'))
}
