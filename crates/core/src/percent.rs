//! Percent-encoding.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but unreserved characters (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same without `/` and `:`.
const RESERVED_IN_NAMES: &AsciiSet = &RESERVED.remove(b'/').remove(b':');

/// Everything but unreserved characters as `%XX`.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The same, but for `/` and `:`, which image names have and engines expect plainly.
pub fn encoded_name(text: &str) -> String {
    utf8_percent_encode(text, RESERVED_IN_NAMES).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_unreserved_characters_are_encoded() {
        assert_eq!(encoded("a-Z_0.~"), "a-Z_0.~");
        assert_eq!(encoded("a/b:c d\u{e9}%"), "a%2Fb%3Ac%20d%C3%A9%25");
        assert_eq!(encoded_name("a/b:c d"), "a/b:c%20d");
    }
}
