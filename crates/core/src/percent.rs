//! Percent-encoding.

use std::fmt::Write as _;

/// Everything but unreserved characters, and those the caller wants plain, as `%XX` (RFC 3986, sections 2.1 and 2.3).
pub fn encoded(text: &str, plain: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || plain.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
