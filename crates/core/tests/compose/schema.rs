//! The Compose specification's own schema.

use devarch_core::compose::ComposeFile;
use std::sync::LazyLock;

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let text = include_str!("../../../../schemas/compose-spec.json");
    let schema = serde_json::from_str(text).unwrap();
    jsonschema::draft7::new(&schema).unwrap()
});

/// Returns the schema's errors for a file.
pub(crate) fn wrong(file: &ComposeFile) -> Vec<String> {
    let json = serde_json::to_value(file).unwrap();
    SCHEMA.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect()
}
