//! The key of the secrets: rotated, exported, imported.

use crate::{Context, OperationError, editing::scrub::wipe_values};
use devarch_core::secret::Secret;
use devarch_store::Rotation;

/// Encrypts all values again with a new key; returns how many.
#[tracing::instrument(level = "info", skip_all)]
pub async fn rotate_key(ctx: &Context) -> Result<Rotation, OperationError> {
    let rotation = ctx.store.rotate_key().await?;
    wipe_values(ctx, true).await?;
    Ok(rotation)
}

/// Returns the store's key, encrypted with a passphrase.
#[tracing::instrument(level = "info", skip_all)]
pub async fn export_key(ctx: &Context, passphrase: &Secret) -> Result<String, OperationError> {
    Ok(ctx.store.export_key(passphrase.reveal()).await?)
}

/// Imports the store's exported key; returns whether it was missing.
#[tracing::instrument(level = "info", skip_all)]
pub async fn import_key(ctx: &Context, sealed: &str, passphrase: &Secret) -> Result<bool, OperationError> {
    Ok(ctx.store.import_key(sealed, passphrase.reveal()).await?)
}
