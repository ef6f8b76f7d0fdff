//! Template bodies, each once. Table `templates`.

use crate::db::{Result, Tx, Unreadable, execute, fetch};
use devarch_core::template::{Template, TemplateDigest};
use std::{collections::BTreeMap, sync::Arc};

/// The bodies instances are pinned to, shared.
pub(crate) type Templates = BTreeMap<TemplateDigest, Arc<Template>>;

/// The bodies one stack uses, or all.
pub(crate) async fn load(tx: &mut Tx, stack: Option<&str>) -> Result<Templates> {
    let rows: Vec<(String, String)> = match stack {
        None => fetch!(tx, "SELECT digest, body FROM templates")?,
        Some(stack) => fetch!(
            tx,
            "SELECT digest, body FROM templates \
             WHERE digest IN (SELECT template FROM instances WHERE stack_id = $1)",
            stack
        )?,
    };
    let parsed: std::result::Result<Templates, Unreadable> = rows
        .into_iter()
        .map(|(digest, body)| {
            let template = Template::from_stored(&body)
                .map_err(|error| format!("template {digest} can't be read: {error}"))?;
            Ok((TemplateDigest::from_stored(digest), Arc::new(template)))
        })
        .collect();
    parsed.map_err(|error| tx.damaged(error))
}

/// Keeps a body.
pub(crate) async fn keep(tx: &mut Tx, digest: &TemplateDigest, template: &Template) -> Result<()> {
    execute!(
        tx,
        "INSERT INTO templates (digest, name, body) VALUES ($1, $2, $3) ON CONFLICT (digest) DO NOTHING",
        digest.as_str(),
        template.name.as_str(),
        template.to_stored(),
    )?;
    Ok(())
}

/// Removes the bodies no instance is pinned to any more.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<()> {
    execute!(
        tx,
        "DELETE FROM templates WHERE NOT EXISTS \
         (SELECT 1 FROM instances WHERE instances.template = templates.digest)"
    )?;
    Ok(())
}
