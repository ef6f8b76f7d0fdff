//! Records as JSON.

use devarch_core::serialize::SerializeError;
use devarch_store::StoreError;

pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| SerializeError::from(error).into())
}
