//! `${secret:NAME}` in a text. `$${secret:` is the literal text `${secret:`; any other `$` is literal.

use super::SecretName;

const OPEN: &str = "${secret:";

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part<'a> {
    /// Literal text.
    Literal(&'a str),
    /// A reference to a secret.
    Secret(SecretName),
}

/// An invalid reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReference {
    /// It has no end.
    #[error("`${{secret:` has no `}}`; write ${{secret:NAME}}, or $${{secret: for the text itself")]
    Unclosed,
    /// The name is not a valid secret name.
    #[error(transparent)]
    Name(#[from] super::InvalidSecretName),
}

/// Whether a text may contain references or escapes.
pub fn refers(text: &str) -> bool {
    text.contains(OPEN)
}

/// A text in its pieces.
pub fn parts(text: &str) -> Result<Vec<Part<'_>>, BadReference> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(OPEN) {
        let (before, from) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            parts.extend([Part::Literal(before), Part::Literal(OPEN)]);
            rest = &from[OPEN.len()..];
            continue;
        }
        let (name, after) = from[OPEN.len()..].split_once('}').ok_or(BadReference::Unclosed)?;
        parts.extend([Part::Literal(before), Part::Secret(name.parse()?)]);
        rest = after;
    }
    parts.push(Part::Literal(rest));
    parts.retain(|part| *part != Part::Literal(""));
    Ok(parts)
}

/// The text with references to one secret changed to another's name.
pub fn rename(text: &str, from: &SecretName, to: &SecretName) -> String {
    text.replace(&format!("{OPEN}{from}}}"), &format!("{OPEN}{to}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_and_other_dollars_are_literal() {
        let secret = |name: &str| Part::Secret(name.parse().unwrap());
        let literal = Part::Literal;
        assert_eq!(
            parts("pg://u:${secret:PW}@h/$HOME${x}").unwrap(),
            [literal("pg://u:"), secret("PW"), literal("@h/$HOME${x}")]
        );
        assert_eq!(
            parts("$${secret:PW} ${secret:A}${secret:B}").unwrap(),
            [literal("${secret:"), literal("PW} "), secret("A"), secret("B")]
        );
        assert_eq!(parts("plain").unwrap(), [literal("plain")]);
        assert_eq!(parts("").unwrap(), []);
    }

    #[test]
    fn an_invalid_reference_is_reported() {
        assert_eq!(parts("${secret:PW").unwrap_err(), BadReference::Unclosed);
        assert!(matches!(parts("${secret:a b}").unwrap_err(), BadReference::Name(_)));
        assert!(matches!(parts("${secret:}").unwrap_err(), BadReference::Name(_)));
    }
}
