//! Values that belong to a volume's data: a database opens only with the password it was created with. They are kept
//! with the volume when its instance is removed, and restored to the instance that reuses the volume.

use crate::{
    desired::effective_of,
    environment::Ids,
    id::SecretId,
    name::InstanceName,
    plan::{AppliedSpec, GivenBack},
    resolve::{Effective, login_of, secret_uses},
    secret::{
        HoldsSecrets, KeptSecret, Part, REDACTED, Secret, SecretName, SecretValue, Undecryptable, Visit,
        parts, refers,
    },
    stack::{Instance, Stack},
    template::{ConfigContent, EnvValue, Given},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The values a volume was last used with. Anyone may see their names; the store seals the values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptValues {
    /// By variable: values generated for the instance, and secrets written in its definition.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, SecretValue>,
    /// By name: the stack's secrets that environment and files used.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<SecretName, SecretValue>,
    /// By consumer and [`login_key`](crate::resolve::login_key): the passwords of its logins.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub logins: BTreeMap<InstanceName, BTreeMap<String, SecretValue>>,
}

impl HoldsSecrets for KeptValues {
    fn visit_secrets(&mut self, visit: Visit<'_>) {
        for (variable, value) in &mut self.environment {
            visit(&format!("environment.{variable}"), value);
        }
        for (name, value) in &mut self.secrets {
            visit(&format!("secrets.{name}"), value);
        }
        for (consumer, logins) in &mut self.logins {
            for (key, value) in logins {
                visit(&format!("logins.{consumer}.{key}"), value);
            }
        }
    }
}

impl KeptValues {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.environment.is_empty() && self.secrets.is_empty() && self.logins.is_empty()
    }

    /// Their descriptions: `POSTGRES_PASSWORD`, `secret PW`, `login web_db`.
    pub fn names(&self) -> Vec<String> {
        let variables = self.environment.keys().cloned();
        let secrets = self.secrets.keys().map(|name| format!("secret {name}"));
        let keys = self.logins.values().flat_map(BTreeMap::keys);
        let logins = keys.filter_map(|key| Some(login(login_of(key)?.1)));
        variables.chain(secrets).chain(logins).collect()
    }

    /// Why one of them cannot be decrypted here, although it may be elsewhere.
    pub fn locked(&self) -> Option<Undecryptable> {
        let mut reasons = self.secret_values().into_iter().filter_map(|(_, value)| value.open().err());
        reasons.find(|why| *why != Undecryptable::GivenUp)
    }
}

fn login(name: &str) -> String {
    format!("login {name}")
}

/// An instance, and the spec its container was last created from.
#[derive(Debug, Clone, Copy)]
pub struct LastUse<'a> {
    /// Its stack.
    pub stack: &'a Stack,
    /// The instance.
    pub instance: &'a Instance,
    /// Its effective config, with its wires.
    pub config: &'a Effective,
    /// The spec its container was last created from.
    pub applied: &'a AppliedSpec,
}

impl LastUse<'_> {
    /// The values of an instance's environment and files as they reached its container: later edits never affected the
    /// data. `logins` are those of its consumers.
    pub fn values(&self, logins: BTreeMap<InstanceName, BTreeMap<String, SecretValue>>) -> KeptValues {
        KeptValues { environment: self.environment(), secrets: self.secrets(), logins }
    }

    fn environment(&self) -> BTreeMap<String, SecretValue> {
        let variables = self.config.service.environment.iter().flatten();
        let own = variables.filter(|(variable, _)| !self.config.wired.contains_key(*variable));
        let value = |(variable, value): (&String, &EnvValue)| {
            let now = match value {
                EnvValue::Generate(_) => &self.instance.generated.get(variable)?.value,
                EnvValue::Given(Given::Secret(value)) if !refers(readable(value)) => value,
                EnvValue::Given(_) => return None,
            };
            let was = self.field(variable);
            Some((variable.clone(), was.unwrap_or_else(|| now.clone())))
        };
        own.filter_map(value).collect()
    }

    /// The value a variable had in the container, even if it was not secret then.
    fn field(&self, variable: &str) -> Option<SecretValue> {
        match &self.applied.secrets {
            Err(why) => Some(SecretValue::Locked(*why)),
            Ok(secrets) => {
                let plain = || self.applied.spec.get("environment")?.get(variable)?.as_str();
                let secret = secrets.get(&format!("environment.{variable}")).map(Secret::reveal);
                secret.or_else(plain).filter(|text| *text != REDACTED).map(SecretValue::new)
            }
        }
    }

    fn secrets(&self) -> BTreeMap<SecretName, SecretValue> {
        let uses = secret_uses(self.config).into_iter();
        let now = uses.filter_map(|(name, _)| {
            let value = self.stack.secrets.get(&name)?.value.clone();
            Some((name, value))
        });
        let mut values: BTreeMap<SecretName, SecretValue> = now.collect();
        match &self.applied.secrets {
            Err(why) => values.values_mut().for_each(|value| *value = SecretValue::Locked(*why)),
            Ok(applied) => {
                for (field, text) in texts(self.config) {
                    let was = applied.get(&field).and_then(|was| extracted(&text, was.reveal()));
                    values.extend(was.filter(|(name, _)| values.contains_key(name)));
                }
            }
        }
        values
    }
}

/// The texts of an instance that may refer to secrets, by the field names of its container's secrets.
fn texts(config: &Effective) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for (variable, value) in config.service.environment.iter().flatten() {
        if let EnvValue::Given(given) = value
            && !config.wired.contains_key(variable)
        {
            texts.push((format!("environment.{variable}"), given_text(given).to_owned()));
        }
    }
    for (field, words) in [("command", &config.service.command), ("entrypoint", &config.service.entrypoint)] {
        let words = words.iter().flatten().enumerate();
        texts.extend(words.map(|(at, word)| (format!("{field}[{at}]"), word.clone())));
    }
    for (path, file) in &config.config_files {
        let text = match &file.content {
            ConfigContent::Content(text) => text,
            ConfigContent::Secret(value) => readable(value),
            ConfigContent::Kept(_) | ConfigContent::File { .. } => continue,
        };
        texts.push((format!("config_files.{path}"), text.to_owned()));
    }
    for mount in config.service.secrets.iter().flatten() {
        texts.push((format!("config_files.{}", mount.target), format!("${{secret:{}}}", mount.source)));
    }
    texts
}

fn given_text(given: &Given) -> &str {
    match given {
        Given::Plain(text) => text,
        Given::Secret(value) => readable(value),
    }
}

fn readable(value: &SecretValue) -> &str {
    value.open().map_or("", Secret::reveal)
}

/// The one secret a text refers to, and its value in what became of the text.
fn extracted(text: &str, became: &str) -> Option<(SecretName, SecretValue)> {
    let parts = parts(text).ok()?;
    let at = parts.iter().position(|part| matches!(part, Part::Secret(_)))?;
    let (before, from) = parts.split_at(at);
    let [Part::Secret(name), after @ ..] = from else { return None };
    let literal = |parts: &[Part<'_>]| {
        let literals = parts.iter().map(|part| match part {
            Part::Literal(literal) => Some(*literal),
            Part::Secret(_) => None,
        });
        literals.collect::<Option<String>>()
    };
    let value = became.strip_prefix(&literal(before)?)?.strip_suffix(&literal(after)?)?;
    (!value.is_empty()).then(|| (name.clone(), SecretValue::new(value)))
}

/// The instance that values are restored to.
pub struct Recipient<'a> {
    /// The instance.
    pub name: &'a InstanceName,
    /// Whether it was never applied: then nothing depends on its values.
    pub is_new: bool,
    /// Whether nothing of its stack was ever applied.
    pub stack_is_new: bool,
    /// Consumers that are wired to it and were never applied, with their imports.
    pub consumers: BTreeSet<(InstanceName, String)>,
    /// The time, in milliseconds since 1970.
    pub now: i64,
    /// Generates ids of secrets.
    pub ids: &'a dyn Ids,
}

/// Restores the values that belong to a volume's data to an instance, unless its definition specifies them.
pub fn give_back(stack: &mut Stack, to: &Recipient<'_>, kept: &KeptValues) -> GivenBack {
    let mut done = GivenBack::default();
    let Some(instance) = stack.instances.get(to.name) else { return done };
    let config = effective_of(stack, to.name, instance);
    variables(stack, to, &config, kept, &mut done);
    secrets(stack, to, &config, kept, &mut done);
    logins(stack, to, kept, &mut done);
    done
}

fn variables(
    stack: &mut Stack,
    to: &Recipient<'_>,
    config: &Effective,
    kept: &KeptValues,
    done: &mut GivenBack,
) {
    let Some(instance) = stack.instances.get_mut(to.name) else { return };
    for (variable, value) in config.service.environment.iter().flatten() {
        let was = kept.environment.get(variable).and_then(|was| was.open().ok());
        match value {
            EnvValue::Generate(_) => {
                let Some(made) = instance.generated.get_mut(variable) else { continue };
                let list = match was {
                    None => &mut done.new,
                    Some(was) if take(made, was, to.is_new, to.now) => &mut done.same,
                    Some(_) => &mut done.other,
                };
                list.push(variable.clone());
            }
            EnvValue::Given(given) if !refers(given_text(given)) => match was {
                Some(was) if was.reveal() != given_text(given) => done.other.push(variable.clone()),
                Some(_) if given.is_secret() => done.same.push(variable.clone()),
                _ => {}
            },
            EnvValue::Given(_) => {}
        }
    }
}

/// Sets a secret's value if allowed; returns whether it has that value now.
fn take(secret: &mut KeptSecret, value: &Secret, allowed: bool, now: i64) -> bool {
    if secret.value.open() == Ok(value) {
        return true;
    }
    if allowed {
        secret.value = SecretValue::Known(value.clone());
        secret.changed_at = now;
    }
    allowed
}

/// Sets secrets without a value, and generated ones of a new stack.
fn secrets(
    stack: &mut Stack,
    to: &Recipient<'_>,
    config: &Effective,
    kept: &KeptValues,
    done: &mut GivenBack,
) {
    let names: BTreeSet<SecretName> = secret_uses(config).into_iter().map(|(name, _)| name).collect();
    let texts = texts(config);
    for name in names {
        let shown = kept.secrets.get(&name).cloned().or_else(|| found(&texts, kept, &name));
        let was = shown.as_ref().and_then(|was| was.open().ok());
        let declared = stack.imported.as_ref().and_then(|file| file.secrets.get(&name));
        let made = to.stack_is_new && declared.is_some_and(|file| file.generate.is_some());
        let description = format!("secret {name}");
        match (was, stack.secrets.get_mut(&name)) {
            (Some(was), None) => {
                let value = SecretValue::Known(was.clone());
                let secret = KeptSecret { id: SecretId::new(to.ids.fresh()), value, changed_at: to.now };
                stack.secrets.insert(name, secret);
                done.same.push(description);
            }
            (Some(was), Some(secret)) => {
                let fits = take(secret, was, made, to.now);
                if fits { &mut done.same } else { &mut done.other }.push(description);
            }
            (None, Some(_)) if made => done.new.push(description),
            (None, _) => {}
        }
    }
}

/// A secret inside the known value of a variable: the only source if a container was merely inspected.
fn found(texts: &[(String, String)], kept: &KeptValues, name: &SecretName) -> Option<SecretValue> {
    texts.iter().find_map(|(field, text)| {
        let was = kept.environment.get(field.strip_prefix("environment.")?)?.open().ok()?;
        let (found, value) = extracted(text, was.reveal())?;
        (found == *name).then_some(value)
    })
}

/// A login keeps its name too, which may contain an earlier name of its consumer.
fn logins(stack: &mut Stack, to: &Recipient<'_>, kept: &KeptValues, done: &mut GivenBack) {
    for (consumer, logins) in &kept.logins {
        for (key, value) in logins {
            let (Some((import, name)), Ok(was)) = (login_of(key), value.open()) else { continue };
            let wired = to.consumers.contains(&(consumer.clone(), import.to_owned()));
            let own = consumer == to.name && to.is_new;
            if (wired || own) && take_login(stack, consumer, KeptLogin { key, import, name }, was, to.now) {
                done.same.push(login(name));
            }
        }
    }
}

/// A login that is kept: its key, and what the key says.
#[derive(Clone, Copy)]
struct KeptLogin<'a> {
    key: &'a str,
    import: &'a str,
    name: &'a str,
}

fn take_login(
    stack: &mut Stack,
    consumer: &InstanceName,
    KeptLogin { key, import, name }: KeptLogin<'_>,
    was: &Secret,
    now: i64,
) -> bool {
    let others = stack.instances.iter().filter(|(other, _)| *other != consumer);
    let mut keys = others.flat_map(|(_, instance)| instance.generated.keys());
    if keys.any(|key| login_of(key).is_some_and(|(_, taken)| taken == name)) {
        return false;
    }
    let Some(instance) = stack.instances.get_mut(consumer) else { return false };
    let same = |key: &&String| login_of(key).is_some_and(|(other, _)| other == import);
    let Some(current) = instance.generated.keys().find(same).cloned() else { return false };
    let Some(mut secret) = instance.generated.remove(&current) else { return false };
    take(&mut secret, was, true, now);
    instance.generated.insert(key.to_owned(), secret);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str, became: &str) -> Option<String> {
        let (name, value) = extracted(text, became)?;
        Some(format!("{name}={}", value.open().unwrap().reveal()))
    }

    #[test]
    fn a_secret_is_extracted_from_the_text_that_referred_to_it() {
        assert_eq!(taken("${secret:PW}", "hunter2").as_deref(), Some("PW=hunter2"));
        assert_eq!(taken("pg://u:${secret:PW}@h", "pg://u:hunter2@h").as_deref(), Some("PW=hunter2"));
        assert_eq!(taken("pg://u:${secret:PW}@h", "pg://v:hunter2@h"), None, "another text");
        assert_eq!(taken("${secret:A}${secret:B}", "ab"), None, "nobody knows where one ends");
        assert_eq!(taken("plain", "plain"), None);
        assert_eq!(taken("a${secret:PW}", "a"), None);
    }

    #[test]
    fn values_are_encrypted_and_names_can_be_shown() {
        let value = SecretValue::new("hunter2");
        let kept = KeptValues {
            environment: BTreeMap::from([("POSTGRES_PASSWORD".to_owned(), value.clone())]),
            secrets: BTreeMap::from([("PW".parse().unwrap(), value.clone())]),
            logins: BTreeMap::from([(
                "web".parse().unwrap(),
                BTreeMap::from([("own db web_db".to_owned(), value)]),
            )]),
        };
        let stored = crate::secret::Stored::from_definition(&kept).unwrap();
        assert!(!stored.open.contains("hunter2"));
        assert_eq!(stored.read::<KeptValues>().unwrap(), kept);
        assert_eq!(kept.names(), ["POSTGRES_PASSWORD", "secret PW", "login web_db"]);
    }
}
