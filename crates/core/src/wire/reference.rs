//! `${env:NAME}` in an export's properties: the provider's effective environment.

use super::values::text_of;
use crate::text::Text;

/// The result of looking up a reference.
pub(super) enum Found<'a> {
    /// The variable's value.
    Value(&'a Text),
    /// The variable will exist once a reported error is fixed.
    Pending,
    /// There is no such variable.
    Nothing,
}

/// Why a text with references has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// A missing variable.
    Missing(String),
    /// A reference without its end.
    Unclosed,
    /// Not known yet; reported elsewhere.
    Pending,
}

const BEGIN: &str = "${env:";

/// Replaces references by the values of variables; `$${env:` is the literal text `${env:`, other `$` are literal. A
/// value computed from a secret is a secret.
pub(super) fn expand<'a>(text: &Text, find: impl Fn(&str) -> Found<'a>) -> Result<Text, Unresolved> {
    let mut secret = text.is_secret();
    let mut expanded = String::new();
    let mut rest = text.reveal();
    while let Some((before, after)) = rest.split_once(BEGIN) {
        if let Some(before) = before.strip_suffix('$') {
            expanded.extend([before, BEGIN]);
            rest = after;
            continue;
        }
        let (name, after) = after.split_once('}').ok_or(Unresolved::Unclosed)?;
        expanded.push_str(before);
        match find(name) {
            Found::Value(value) => {
                secret |= value.is_secret();
                expanded.push_str(value.reveal());
            }
            Found::Pending => return Err(Unresolved::Pending),
            Found::Nothing => return Err(Unresolved::Missing(name.to_owned())),
        }
        rest = after;
    }
    expanded.push_str(rest);
    Ok(text_of(expanded, secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_and_secrecy_is_inherited() {
        let (plain, secret) = (Text::plain("shop"), text_of("hunter2".to_owned(), true));
        let find = |name: &str| match name {
            "NAME" => Found::Value(&plain),
            "PASSWORD" => Found::Value(&secret),
            _ => Found::Nothing,
        };
        let of = |text: &str| expand(&Text::plain(text), find);
        assert_eq!(of("$a-${env:NAME}-${b}"), Ok(Text::plain("$a-shop-${b}")));
        assert_eq!(of("x${env:PASSWORD}"), Ok(text_of("xhunter2".to_owned(), true)));
        assert_eq!(of("$${env:NAME}"), Ok(Text::plain("${env:NAME}")));
        assert_eq!(of("${env:NO}"), Err(Unresolved::Missing("NO".to_owned())));
        assert_eq!(of("${env:NAME"), Err(Unresolved::Unclosed));
    }
}
