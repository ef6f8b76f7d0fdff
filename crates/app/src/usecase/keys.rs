//! A stack's secrets where they are needed: hidden in other people's words, removed from where they were not secret yet,
//! shown to who asks.

use crate::{Context, OperationError, editing::scrub::wipe_values};
use devarch_core::secret::Secret;
use devarch_store::Rotation;

/// Seals everything anew with a new key; says how many values.
#[tracing::instrument(level = "info", skip_all)]
pub async fn rotate_key(ctx: &Context) -> Result<Rotation, OperationError> {
    let rotation = ctx.store.rotate_key().await?;
    wipe_values(ctx, true).await?;
    Ok(rotation)
}

/// The store's key, sealed with a passphrase.
#[tracing::instrument(level = "info", skip_all)]
pub async fn export_key(ctx: &Context, passphrase: &Secret) -> Result<String, OperationError> {
    Ok(ctx.store.export_key(passphrase.reveal()).await?)
}

/// Takes in the store's key that was exported elsewhere; says whether it was not there yet.
#[tracing::instrument(level = "info", skip_all)]
pub async fn import_key(ctx: &Context, sealed: &str, passphrase: &Secret) -> Result<bool, OperationError> {
    Ok(ctx.store.import_key(sealed, passphrase.reveal()).await?)
}
