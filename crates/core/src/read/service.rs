use super::{
    Value, build,
    fields::{At, Fields},
    grammar,
    scalar::{boolean, bytes, int, nonempty, parsed, text},
    secrets, service_lists as lists,
};
use crate::{
    name::InstanceName,
    secret::REDACTED,
    service_fields::service_fields,
    spec::label,
    template::{
        Dependency, DependencyCondition, EnvValue, Given, HealthTest, Healthcheck, Limits, Reservations,
        Resources, RestartPolicy, Service, Ulimit,
    },
    wire::ROLE_LABEL,
};
use std::collections::BTreeMap;

/// The fields of an override that a template's service does not have.
pub const OVERRIDE_FIELDS: &[&str] =
    &["environment_add", "ports_add", "volumes_add", "config_files", "exports", "imports"];

macro_rules! read_service {
    ([] $( $field:ident: $type:ty = $read:expr, $merge:ident, $($way:ident $shape:tt,)* $form:literal, $meaning:literal; )*) => {
        /// The supported fields of a Compose service, in the order documentation lists them.
        pub const SERVICE_FIELDS: &[&str] = &[$( stringify!($field) ),*];

        /// Reads the service's fields from a mapping that may have others too.
        pub(super) fn service(fields: &mut Fields<'_>) -> Service {
            Service { $( $field: fields.take(stringify!($field), $read), )* }
        }
    };
}

service_fields!(read_service);

/// Reads a list of texts, or a single one.
fn list_or_one(at: &At<'_>, read: impl Fn(&At<'_>) -> Option<String>) -> Option<Vec<String>> {
    match &at.node.value {
        Value::List(_) => at.list(read),
        _ => read(at).map(|text| vec![text]),
    }
}

/// Reads a command: a list, or a text that is split like a shell does.
pub(super) fn command(at: &At<'_>) -> Option<Vec<String>> {
    match &at.node.value {
        Value::List(_) => at.list(text),
        Value::Text(line) => match shlex::split(line) {
            Some(words) => Some(words),
            None => at.wrong("a quote is not closed"),
        },
        _ => at.expected("a list of words or a text"),
    }
}

fn user(at: &At<'_>) -> Option<String> {
    let user = nonempty(at)?;
    let numeric = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if user.splitn(2, ':').all(numeric) {
        Some(user)
    } else {
        at.wrong(format!("{user:?} must be numeric such as \"1000:1000\": names differ between images"))
    }
}

fn restart(at: &At<'_>) -> Option<RestartPolicy> {
    if let Value::Bool(false) = at.node.value {
        return Some(RestartPolicy::No);
    }
    text(at)?.try_into().map_or_else(|error: String| at.wrong(error), Some)
}

fn network_mode(at: &At<'_>) -> Option<String> {
    let mode = nonempty(at)?;
    match mode.as_str() {
        "host" | "none" => Some(mode),
        _ => at.wrong(format!(
            "{mode:?} is not supported; leave it out for the stack's network, or write host or none"
        )),
    }
}

fn host_only(at: &At<'_>) -> Option<String> {
    let mode = nonempty(at)?;
    if mode == "host" { Some(mode) } else { at.wrong(format!("{mode:?} is not supported; only host is")) }
}

fn ipc(at: &At<'_>) -> Option<String> {
    let mode = nonempty(at)?;
    match mode.as_str() {
        "host" | "private" | "shareable" => Some(mode),
        _ => at.wrong(format!("{mode:?} is not one of host, private, shareable")),
    }
}

/// Reads Compose's two forms of name-value pairs: a mapping, or a list of `NAME=value`.
pub(super) fn pairs<T>(at: &At<'_>, read: impl Fn(&At<'_>) -> Option<T>) -> Option<BTreeMap<String, T>> {
    let mut map = BTreeMap::new();
    match &at.node.value {
        Value::List(_) => {
            for item in at.items()? {
                let Some(pair) = text(&item) else { continue };
                let Some((name, value)) = pair.split_once('=') else {
                    item.tell(format!("{pair:?} is not of the form NAME=value"));
                    continue;
                };
                if !grammar::checked(&item, name) {
                    continue;
                }
                let node = super::Node { value: Value::Text(value.to_owned()), place: item.place };
                let value = read(&At::within(item.reader, &item.path, &node));
                if let Some(value) = value
                    && map.insert(name.to_owned(), value).is_some()
                {
                    item.tell(format!("{name:?} is listed twice"));
                }
            }
        }
        _ => {
            for (name, entry) in at.entries()? {
                let named = grammar::checked(&entry.key(), name);
                if let Some(value) = read(&entry).filter(|_| named) {
                    map.insert(name.to_owned(), value);
                }
            }
        }
    }
    Some(map)
}

fn environment(at: &At<'_>) -> Option<BTreeMap<String, EnvValue>> {
    let map = pairs(at, env_value)?;
    check_names(at, map.keys());
    Some(map)
}

/// Reads entries to add to an inherited environment; null removes one.
pub(super) fn environment_add(at: &At<'_>) -> Option<BTreeMap<String, Option<EnvValue>>> {
    let map = pairs(at, |at| match at.node.value {
        Value::Null => Some(None),
        _ => env_value(at).map(Some),
    })?;
    check_names(at, map.keys());
    Some(map)
}

pub(super) fn check_names<'n>(at: &At<'_>, names: impl Iterator<Item = &'n String>) {
    for name in names {
        if name.is_empty() || name.contains(['=', '\0', ' ']) {
            at.tell(format!("{name:?} cannot be a variable's name"));
        }
    }
}

/// Reads a variable's value, which may be generated by DevArch.
fn env_value(at: &At<'_>) -> Option<EnvValue> {
    let is_made = matches!(&at.node.value, Value::Map(entries) if entries.iter().any(|(key, _)| key.text == "generate"));
    if !is_made {
        return said_value(at).map(EnvValue::Given);
    }
    let mut fields = at.fields()?;
    let generate = fields.take("generate", secrets::generate);
    let _ = fields.take("secret", boolean);
    if fields.raw("value").is_some() {
        fields.at.tell("`value` and `generate` are both there; keep one");
    }
    fields.finish();
    Some(EnvValue::Generate(generate?))
}

/// The error for a placeholder instead of a secret, which would become the secret's value.
pub const NOT_A_VALUE: &str =
    "this is the placeholder of a redacted secret; write ${secret:NAME} and set it with `devarch secret set`";

/// Reads a literal value, or `{value, secret}`.
pub(super) fn said_value(at: &At<'_>) -> Option<Given> {
    match &at.node.value {
        Value::Null => at.wrong("a value is needed: DevArch does not pass variables of your shell on"),
        Value::Map(_) => {
            let mut fields = at.fields()?;
            let value = fields.need("value", text);
            let secret = fields.take("secret", boolean).unwrap_or(false);
            fields.finish();
            let value = value?;
            if secret && value == REDACTED && !at.reader.redacted {
                return at.wrong(NOT_A_VALUE);
            }
            Some(if secret { Given::secret(value) } else { Given::plain(value) })
        }
        _ => text(at).map(Given::plain),
    }
}

fn labels(at: &At<'_>) -> Option<BTreeMap<String, String>> {
    let map = pairs(at, text)?;
    for name in map.keys().filter(|name| name.starts_with(label::PREFIX) && *name != ROLE_LABEL) {
        at.tell(format!(
            "label {name:?} is DevArch's own; of labels that begin with devarch. only {ROLE_LABEL} can be set"
        ));
    }
    Some(map)
}

fn extra_hosts(at: &At<'_>) -> Option<BTreeMap<String, String>> {
    let mut hosts = BTreeMap::new();
    let Value::List(_) = at.node.value else {
        for (host, entry) in at.entries()? {
            let named = grammar::checked_host_name(&entry.key(), host);
            if let Some(address) = grammar::host_address(&entry).filter(|_| named) {
                hosts.insert(host.to_owned(), address);
            }
        }
        return Some(hosts);
    };
    for item in at.items()? {
        let Some(pair) = text(&item) else { continue };
        let Some((host, address)) = pair.split_once(['=', ':']) else {
            item.tell(format!("{pair:?} is not of the form HOST:ADDRESS"));
            continue;
        };
        let node = super::Node { value: Value::Text(address.to_owned()), place: item.place };
        let named = grammar::checked_host_name(&item, host);
        let address = grammar::host_address(&At::within(item.reader, &item.path, &node));
        hosts.extend(address.filter(|_| named).map(|address| (host.to_owned(), address)));
    }
    Some(hosts)
}

fn healthcheck(at: &At<'_>) -> Option<Healthcheck> {
    let mut fields = at.fields()?;
    let disabled = fields.take("disable", boolean).unwrap_or(false);
    let test = if disabled {
        fields.raw("test");
        Some(HealthTest::None)
    } else {
        fields.need("test", health_test)
    };
    let interval = fields.take("interval", parsed);
    let timeout = fields.take("timeout", parsed);
    let retries = fields.take("retries", int);
    let start_period = fields.take("start_period", parsed);
    let start_interval = fields.take("start_interval", parsed);
    fields.finish();
    Some(Healthcheck { test: test?, interval, timeout, retries, start_period, start_interval })
}

fn health_test(at: &At<'_>) -> Option<HealthTest> {
    if let Value::Text(line) = &at.node.value {
        return Some(HealthTest::Shell(line.clone()));
    }
    let argv = at.list(text)?;
    HealthTest::from_argv(&argv).or_else(|| {
        at.wrong("a test is a text, or a list that begins with NONE, CMD or CMD-SHELL and goes on with the command")
    })
}

fn depends_on(at: &At<'_>) -> Option<BTreeMap<InstanceName, Dependency>> {
    let ready = Dependency { condition: DependencyCondition::Ready, restart: false, required: true };
    let mut map = BTreeMap::new();
    if let Value::List(_) = at.node.value {
        for name in at.list(parsed)? {
            map.insert(name, ready);
        }
        return Some(map);
    }
    for (name, entry) in at.entries()? {
        let name = match name.parse::<InstanceName>() {
            Ok(name) => name,
            Err(error) => {
                entry.key().tell(error.to_string());
                continue;
            }
        };
        if let Value::Null = entry.node.value {
            map.insert(name, ready);
            continue;
        }
        let Some(mut fields) = entry.fields() else {
            continue;
        };
        let condition = fields.take("condition", condition).unwrap_or(ready.condition);
        let restart = fields.take("restart", boolean).unwrap_or(false);
        let required = fields.take("required", boolean).unwrap_or(true);
        fields.finish();
        map.insert(name, Dependency { condition, restart, required });
    }
    Some(map)
}

fn condition(at: &At<'_>) -> Option<DependencyCondition> {
    match text(at)?.as_str() {
        "ready" => Some(DependencyCondition::Ready),
        "service_started" => Some(DependencyCondition::ServiceStarted),
        "service_healthy" => Some(DependencyCondition::ServiceHealthy),
        "service_completed_successfully" => Some(DependencyCondition::ServiceCompletedSuccessfully),
        other => at.wrong(format!(
            "{other:?} is not one of ready, service_started, service_healthy, service_completed_successfully"
        )),
    }
}

fn ulimits(at: &At<'_>) -> Option<BTreeMap<String, Ulimit>> {
    pairs(at, |at| match at.node.value {
        Value::Map(_) => {
            let mut fields = at.fields()?;
            let (soft, hard) = (fields.need("soft", int), fields.need("hard", int));
            fields.finish();
            Some(Ulimit { soft: soft?, hard: hard? })
        }
        _ => int(at).map(|both| Ulimit { soft: both, hard: both }),
    })
}

fn resources(at: &At<'_>) -> Option<Resources> {
    let mut fields = at.fields()?;
    let limits = fields.take("limits", |at| {
        let mut fields = at.fields()?;
        let limits = Limits {
            cpus: fields.take("cpus", parsed),
            memory: fields.take("memory", bytes),
            pids: fields.take("pids", int),
        };
        fields.finish();
        Some(limits)
    });
    let reservations = fields.take("reservations", |at| {
        let mut fields = at.fields()?;
        let reservations = Reservations { memory: fields.take("memory", bytes) };
        fields.finish();
        Some(reservations)
    });
    fields.finish();
    Some(Resources { limits: limits.unwrap_or_default(), reservations: reservations.unwrap_or_default() })
}
