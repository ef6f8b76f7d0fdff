//! Reading files that people write.

use crate::AppError;
use devarch_core::read::{Diagnostic, Place};
use std::{fs, path::Path};

/// A file's text. Errors: [`AppError::File`] where it can't be read, [`AppError::Invalid`] at the first byte that is not
/// UTF-8.
pub(crate) fn read_text(path: &Path) -> Result<String, AppError> {
    let bytes =
        fs::read(path).map_err(|source| AppError::File { action: "read", path: path.to_owned(), source })?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let wrong = not_utf8(&String::from_utf8_lossy(&error.as_bytes()[..good]), error.as_bytes()[good]);
        AppError::Invalid { origin: path.display().to_string(), wrong: vec![wrong] }
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
    Diagnostic { place: Some(place), path: String::new(), message }
}
