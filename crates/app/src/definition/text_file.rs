//! Reading files that people write.

use crate::{OperationError, error::DefinitionError};
use devarch_core::diagnostic::{Diagnostic, Field, Place};
use devarch_files::{FileKind, read_given, read_named};
use std::path::Path;

/// Reads a file that another file, or a convention, names. Errors: [`FileError::Read`] if it cannot be read,
/// [`DefinitionError::Invalid`] at the first byte that is not UTF-8.
pub(crate) fn read_text(path: &Path, kind: FileKind) -> Result<String, OperationError> {
    text(path, read_named(path, kind)?)
}

/// Reads a file named on the command line.
pub(crate) fn read_given_text(path: &Path, kind: FileKind) -> Result<String, OperationError> {
    text(path, read_given(path, kind)?)
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String, OperationError> {
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let wrong = not_utf8(&String::from_utf8_lossy(&error.as_bytes()[..good]), error.as_bytes()[good]);
        DefinitionError::Invalid { origin: path.display().to_string(), wrong: wrong.into() }.into()
    })
}

fn not_utf8(before: &str, byte: u8) -> Diagnostic {
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let place = Place {
        line: count(before.matches('\n').count() + 1),
        column: count(before[line_start..].chars().count() + 1),
    };
    let message = format!("byte 0x{byte:02x} is not UTF-8; save the file with that encoding");
    Diagnostic { place: Some(place), field: Field::whole(), message }
}
