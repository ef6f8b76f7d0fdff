//! Template bodies, deduplicated. Table `templates`.

use crate::{
    db::{Result, Tx, execute, fetch, fetch_one},
    stored::{self, At},
};
use devarch_core::{
    secret::{Sealable, Stored},
    template::{Template, TemplateDigest},
};
use std::{collections::BTreeMap, sync::Arc};

/// The bodies that instances are pinned to, shared.
pub(crate) type Templates = BTreeMap<TemplateDigest, Arc<Template>>;

/// Loads the bodies that one stack uses, or all.
pub(crate) async fn load(tx: &mut Tx, stack: Option<&str>) -> Result<Templates> {
    let rows: Vec<(String, String, Option<Vec<u8>>)> = match stack {
        None => fetch!(tx, "SELECT digest, body, sealed FROM templates")?,
        Some(stack) => fetch!(
            tx,
            "SELECT digest, body, sealed FROM templates \
             WHERE digest IN (SELECT template FROM instances WHERE stack_id = $1)",
            stack
        )?,
    };
    let mut templates = Templates::new();
    for (digest, body, sealed) in rows {
        let read: std::result::Result<Template, _> =
            stored::open(tx, at(&[&digest]), body, sealed).await?.read();
        let template =
            read.map_err(|error| tx.damaged(format!("template {digest} cannot be read: {error}").into()))?;
        templates.insert(TemplateDigest::from_stored(digest), Arc::new(template));
    }
    Ok(templates)
}

fn at<'a>(row: &'a [&'a str; 1]) -> At<'a> {
    At { table: "templates", row }
}

/// Stores a body. If its secrets cannot be decrypted, it must already be stored.
pub(crate) async fn keep(tx: &mut Tx, digest: &TemplateDigest, template: &Template) -> Result<()> {
    let Stored { open, secret } = Stored::from_definition(template)?;
    if matches!(secret, Sealable::Locked(_)) && is_kept(tx, digest).await? {
        return Ok(());
    }
    let called = format!("template '{}'", template.name);
    let sealed = stored::seal(tx, at(&[digest.as_str()]), &secret, &called).await?;
    execute!(
        tx,
        "INSERT INTO templates (digest, name, body, sealed) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (digest) DO NOTHING",
        digest.as_str(),
        template.name.as_str(),
        open,
        sealed,
    )?;
    Ok(())
}

async fn is_kept(tx: &mut Tx, digest: &TemplateDigest) -> Result<bool> {
    let row: Option<(String,)> =
        fetch_one!(tx, "SELECT digest FROM templates WHERE digest = $1", digest.as_str())?;
    Ok(row.is_some())
}

/// Deletes the bodies that no instance is pinned to any more.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<()> {
    execute!(
        tx,
        "DELETE FROM templates WHERE NOT EXISTS \
         (SELECT 1 FROM instances WHERE instances.template = templates.digest)"
    )?;
    Ok(())
}
