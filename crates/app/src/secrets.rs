//! A stack's secrets where they are needed: hidden in other people's words, removed from where they were not secret yet,
//! shown to who asks.

use crate::{App, AppError, apply::Definition, edit::no_such_secret, wiring::remembered};
use devarch_core::{
    desired::effective,
    id::InstanceId,
    name::{InstanceName, nearest},
    persisted::applied_form,
    plan::AppliedState,
    secret::{HoldsSecrets as _, KeptSecret, Locked, Mask, Secret, SecretValue, Stored},
    stack::Stack,
    text::Text,
    wire::escape,
};
use devarch_store::{ExposedContents, Rotation};
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

/// A shorter text is in everything.
const SHORTEST: usize = 4;

impl App {
    /// Hides the secrets of a stack: those it has, and those its containers were made with. Where one can't be read,
    /// everything is hidden.
    pub async fn mask(&self, stack: &Stack) -> Result<Mask, AppError> {
        Ok(self.to_hide(stack).await?.map_or_else(|_| Mask::blind(), |secrets| Mask::new(&secrets)))
    }

    /// The same for what a container writes, of which nothing is worth showing if all is hidden.
    pub(crate) async fn output_mask(&self, stack: &Stack) -> Result<Mask, AppError> {
        let secrets = self.to_hide(stack).await?;
        let blind = |why| AppError::CannotHide { stack: stack.name.clone(), why };
        secrets.map(|secrets| Mask::new(&secrets)).map_err(blind)
    }

    /// The secrets that may be in what others say of a stack; or why one of them can't be read.
    async fn to_hide(&self, stack: &Stack) -> Result<Result<Vec<Secret>, String>, AppError> {
        let mut known = known(stack);
        let unread = held(stack).find_map(|value| value.open().err().filter(|why| *why != Locked::GivenUp));
        if let Some(why) = unread {
            return Ok(Err(why.to_string()));
        }
        let instances: BTreeSet<InstanceId> =
            stack.instances.values().map(|instance| instance.id.clone()).collect();
        let applied = self.store.applied(&stack.id).await?.into_iter();
        for (id, applied) in applied.flat_map(|(id, all)| all.into_iter().map(move |one| (id.clone(), one))) {
            let remembered = remembered(&id, applied)?;
            match remembered.secrets {
                Ok(secrets) => known.extend(secrets.into_values()),
                // Nobody hears any more what a container of it could say.
                Err(_) if remembered.state == AppliedState::Removed || !instances.contains(&id) => {}
                Err(Locked::GivenUp) => return Ok(Err(given_up(stack))),
                Err(why) => return Ok(Err(why.to_string())),
            }
        }
        Ok(Ok(known))
    }

    /// Seals everything anew with a new key; says how many values.
    pub async fn rotate_key(&self) -> Result<Rotation, AppError> {
        let rotation = self.store.rotate_key().await?;
        self.wipe(true).await?;
        Ok(rotation)
    }

    /// The store's key, sealed with a passphrase.
    pub async fn export_key(&self, passphrase: &Secret) -> Result<String, AppError> {
        Ok(self.store.export_key(passphrase.reveal()).await?)
    }

    /// Takes in the store's key that was exported elsewhere; says whether it was not there yet.
    pub async fn import_key(&self, sealed: &str, passphrase: &Secret) -> Result<bool, AppError> {
        Ok(self.store.import_key(sealed, passphrase.reveal()).await?)
    }

    /// Takes what becomes secret with an edit, or was for all to see until now, out of plans, journal and history. Says
    /// whether [`App::wipe`] is due once the edit is saved.
    ///
    /// Before the edit: should it be cut off, the next one does it all again.
    pub(crate) async fn scrub_new_secrets(&self, before: &Stack, after: &Stack) -> Result<bool, AppError> {
        let (old, mut secrets) = (known(before), known(after));
        if secrets.is_empty() {
            return Ok(false);
        }
        let (was, is) = (self.plain_texts(before), self.plain_texts(after));
        let (was, is) = (Exposed::of(&secrets, &was), Exposed::of(&secrets, &is));
        let hidden = |secret: &Secret| was.has(secret) && !is.has(secret);
        let exposed = secrets.iter().any(hidden);
        secrets.retain(|secret| hidden(secret) || !old.contains(secret));
        if secrets.is_empty() {
            return Ok(false);
        }
        let secrets = as_written(secrets);
        let redefine = |stored: Stored, exposed: &ExposedContents| {
            Definition::with_secrets(&stored, &secrets, exposed).unwrap_or(stored)
        };
        let found = self.store.scrub(&after.id, &secrets, &redefine).await?;
        Ok(found || exposed)
    }

    /// Overwrites what an edit freed in the database that had a value in it which is secret now.
    pub(crate) async fn wipe(&self, due: bool) -> Result<(), AppError> {
        if due { self.store.wipe().await.map_err(AppError::NotWiped) } else { Ok(()) }
    }

    /// What a stack's containers are made from that was for all to see.
    fn plain_texts(&self, stack: &Stack) -> Vec<String> {
        let effective = effective(stack);
        let specs = stack.instances.keys().filter_map(|name| self.spec(stack, name, &effective));
        let offered = effective.values().flat_map(|config| &config.exports);
        let offered = offered.flat_map(|export| export.properties.values());
        let external = stack.wiring.external.values().flat_map(|external| external.properties.values());
        let said = offered.chain(external).map(|value| value.to_text().shown().to_owned());
        let texts = |value: Value| {
            let mut texts = Vec::new();
            collect(&value, &mut texts);
            texts
        };
        specs
            .map(|(spec, _)| applied_form(&spec, &BTreeMap::new(), &BTreeMap::new()))
            .flat_map(texts)
            .chain(said)
            .collect()
    }

    /// The value of a secret variable, as the instance's container gets it.
    pub(crate) async fn secret_variable(
        &self,
        stack: &Stack,
        name: &InstanceName,
        variable: &str,
    ) -> Result<Secret, AppError> {
        let wired = self.wired(stack).await?;
        let environment: BTreeMap<String, Text> =
            self.spec(stack, name, &wired.effective).map(|(spec, _)| spec.environment).unwrap_or_default();
        match environment.get(variable) {
            Some(Text::Secret(secret)) if !secret.reveal().is_empty() => Ok(secret.clone()),
            Some(Text::Secret(_)) => {
                Err(AppError::Refused(format!("variable {variable} of instance '{name}' can't be read")))
            }
            Some(Text::Plain(_)) => Err(AppError::Refused(format!(
                "variable {variable} of instance '{name}' is no secret; `devarch config {}/{name}` shows it",
                stack.name
            ))),
            None => {
                let secret = environment.iter().filter(|(_, text)| text.is_secret());
                let near = nearest(variable, secret.map(|(name, _)| name.as_str())).map(str::to_owned);
                Err(no_such_secret(stack, variable, near.as_deref()))
            }
        }
    }
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(map) => map.values().for_each(|value| collect(value, texts)),
        _ => {}
    }
}

fn given_up(stack: &Stack) -> String {
    let stack = &stack.name;
    format!("what they were made with was given up with its key; `devarch apply {stack}` makes them anew")
}

/// Every secret a stack has that can be read.
fn known(stack: &Stack) -> Vec<Secret> {
    held(stack).filter_map(|value| value.open().ok().cloned()).collect()
}

/// Every secret a stack has.
fn held(stack: &Stack) -> impl Iterator<Item = SecretValue> {
    let own = stack.secrets.values();
    let made = stack.instances.values().flat_map(|instance| instance.generated.values());
    let kept = own.chain(made).map(|kept: &KeptSecret| kept.value.clone());
    kept.chain(said(stack))
}

/// Every secret value that is written in place in a stack's definition.
pub(crate) fn said(stack: &Stack) -> impl Iterator<Item = SecretValue> {
    let by_instances = stack.instances.values().flat_map(|instance| {
        let template = instance.template.template.secret_values();
        template.into_iter().chain(instance.overrides.secret_values())
    });
    by_instances.chain(stack.wiring.secret_values()).map(|(_, value)| value)
}

/// Texts for all to see that secrets are in.
struct Exposed<'a>(Vec<&'a str>);

impl<'a> Exposed<'a> {
    fn of(secrets: &[Secret], texts: &'a [String]) -> Self {
        let mask = Mask::new(secrets);
        let short: BTreeSet<&str> =
            secrets.iter().map(Secret::reveal).filter(|text| text.len() < SHORTEST).collect();
        let texts = texts.iter().map(String::as_str);
        Self(texts.filter(|text| short.contains(text) || matches!(mask.text(text), Cow::Owned(_))).collect())
    }

    fn has(&self, secret: &Secret) -> bool {
        let secret = secret.reveal();
        self.0.iter().any(|text| *text == secret || (secret.len() >= SHORTEST && text.contains(secret)))
    }
}

/// Secrets as they are, and as they stand in a URL where that is otherwise.
fn as_written(secrets: Vec<Secret>) -> Vec<Secret> {
    let escaped: Vec<Secret> = secrets
        .iter()
        .filter_map(|secret| {
            let escaped = escape(secret.reveal());
            (escaped != secret.reveal()).then(|| Secret::new(escaped))
        })
        .collect();
    secrets.into_iter().chain(escaped).collect()
}
