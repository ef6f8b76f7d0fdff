//! Removes a value that became secret from plans and history.

use crate::{
    Context, OperationError,
    definition::{recorded::Definition, secret_values::known},
    error::SecretError,
    planning::{effective::instance_spec, redaction::SHORTEST},
};
use devarch_core::{
    desired::effective,
    persisted::applied_form,
    secret::{Mask, Secret, Stored},
    stack::Stack,
    wire::escape,
};
use devarch_store::ExposedContents;
use serde_json::Value;
use std::collections::BTreeMap;
use std::{borrow::Cow, collections::BTreeSet};

/// Removes values that an edit turns into secrets, or that were plain until now, from plans, journal and history.
/// Returns whether [`wipe_values`] is due once the edit is saved.
///
/// Called before the edit: if it is interrupted, the next one repeats all of it.
pub(crate) async fn scrub_new_secrets(
    ctx: &Context,
    before: &Stack,
    after: &Stack,
) -> Result<bool, OperationError> {
    let (old, mut secrets) = (known(before), known(after));
    if secrets.is_empty() {
        return Ok(false);
    }
    let (was, is) = (plain_texts(ctx, before), plain_texts(ctx, after));
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
    let found = ctx.store.scrub(&after.id, &secrets, &redefine).await?;
    Ok(found || exposed)
}

/// Overwrites the database space that an edit freed and that contained a value that is now secret.
pub(crate) async fn wipe_values(ctx: &Context, due: bool) -> Result<(), OperationError> {
    if due { Ok(ctx.store.wipe().await.map_err(SecretError::NotWiped)?) } else { Ok(()) }
}

/// Returns the plain texts that a stack's containers are created from.
pub(crate) fn plain_texts(ctx: &Context, stack: &Stack) -> Vec<String> {
    let effective = effective(stack);
    let specs = stack.instances.keys().filter_map(|name| instance_spec(ctx, stack, name, &effective));
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

pub(crate) fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(map) => map.values().for_each(|value| collect(value, texts)),
        _ => {}
    }
}

/// Plain texts that contain secrets.
pub(crate) struct Exposed<'a>(Vec<&'a str>);

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

/// Returns secrets literally, and in their URL-encoded form where that differs.
pub(crate) fn as_written(secrets: Vec<Secret>) -> Vec<Secret> {
    let escaped: Vec<Secret> = secrets
        .iter()
        .filter_map(|secret| {
            let escaped = escape(secret.reveal());
            (escaped != secret.reveal()).then(|| Secret::new(escaped))
        })
        .collect();
    secrets.into_iter().chain(escaped).collect()
}
