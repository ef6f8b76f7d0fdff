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

/// Takes what becomes secret with an edit, or was for all to see until now, out of plans, journal and history. Says
/// whether [`wipe_values`] is due once the edit is saved.
///
/// Before the edit: should it be cut off, the next one does it all again.
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

/// Overwrites what an edit freed in the database that had a value in it which is secret now.
pub(crate) async fn wipe_values(ctx: &Context, due: bool) -> Result<(), OperationError> {
    if due { Ok(ctx.store.wipe().await.map_err(SecretError::NotWiped)?) } else { Ok(()) }
}

/// What a stack's containers are made from that was for all to see.
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

/// Texts for all to see that secrets are in.
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

/// Secrets as they are, and as they stand in a URL where that is otherwise.
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
