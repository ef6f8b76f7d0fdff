//! Compose's variables in a text: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:?message}`, `${NAME:+alternative}`,
//! `$$` (Compose specification, "Interpolation").

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A literal text.
    Literal(String),
    /// A variable to be replaced.
    Variable(Variable),
}

/// A reference to a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) rule: Rule,
    /// Whether an empty value counts as unset: the rule is written with a colon.
    pub(super) or_empty: bool,
}

/// The result for a variable without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rule {
    /// The empty text.
    Plain,
    /// The default.
    Default(Vec<Piece>),
    /// An error with this message, which rejects the file.
    Required(Vec<Piece>),
    /// The empty text; if the variable has a value, this text.
    Alternative(Vec<Piece>),
}

/// The nesting limit, deeper than in any real file.
const DEEPEST: usize = 16;

/// Splits a text into its parts, or returns an error message.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    Parser { rest: text, lenient: false }.all()
}

/// Does the same, but keeps a `$` that starts no variable as a literal.
pub(super) fn lenient_pieces(text: &str) -> Vec<Piece> {
    let parsed = Parser { rest: text, lenient: true }.all();
    parsed.unwrap_or_else(|_| vec![Piece::Literal(text.to_owned())])
}

struct Parser<'a> {
    rest: &'a str,
    lenient: bool,
}

impl Parser<'_> {
    fn all(mut self) -> Result<Vec<Piece>, String> {
        let pieces = self.until_brace(false, 0)?;
        Ok(pieces)
    }

    /// Reads to the end, or to the brace that closes the enclosing variable.
    fn until_brace(&mut self, inside: bool, depth: usize) -> Result<Vec<Piece>, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        while let Some(c) = self.rest.chars().next() {
            if inside && c == '}' {
                break;
            }
            self.rest = &self.rest[c.len_utf8()..];
            if c != '$' {
                literal.push(c);
            } else if let Some(rest) = self.rest.strip_prefix('$') {
                self.rest = rest;
                literal.push('$');
            } else if let Some(variable) = self.variable(depth)? {
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Variable(variable));
            } else {
                literal.push('$');
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(pieces)
    }

    /// Reads the variable after a `$`; `None` if the `$` is literal.
    fn variable(&mut self, depth: usize) -> Result<Option<Variable>, String> {
        let braced = self.rest.strip_prefix('{');
        let name = name_of(braced.unwrap_or(self.rest));
        if name.is_empty() {
            return if self.lenient { Ok(None) } else { Err(stray()) };
        }
        let Some(inner) = braced else {
            let variable = Variable { name: name.to_owned(), rule: Rule::Plain, or_empty: false };
            self.rest = &self.rest[name.len()..];
            return Ok(Some(variable));
        };
        let name = name.to_owned();
        self.rest = &inner[name.len()..];
        let or_empty = self.rest.starts_with(':');
        self.rest = self.rest.strip_prefix(':').unwrap_or(self.rest);
        let kind = self.rest.chars().next();
        let rule = match kind {
            Some('}') if !or_empty => Rule::Plain,
            Some(kind @ ('-' | '?' | '+')) if depth < DEEPEST => {
                self.rest = &self.rest[1..];
                let text = self.until_brace(true, depth + 1)?;
                match kind {
                    '-' => Rule::Default(text),
                    '?' => Rule::Required(text),
                    _ => Rule::Alternative(text),
                }
            }
            None => return Err(format!("`${{{name}` has no `}}`")),
            Some(_) => return Err(format!("`${{{name}` is followed by neither `}}` nor `-`, `?` or `+`")),
        };
        self.rest =
            self.rest.strip_prefix('}').ok_or_else(|| format!("`${{{name}` has no `}}` that ends it"))?;
        Ok(Some(Variable { name, rule, or_empty }))
    }
}

/// Returns the name at the start of a text.
fn name_of(text: &str) -> &str {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return "";
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

fn stray() -> String {
    "a `$` begins the name of a variable here; write `$$` for a dollar sign".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[Piece]) -> String {
        let one = |piece: &Piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Variable(Variable { name, rule, or_empty }) => {
                let colon = if *or_empty { ":" } else { "" };
                match rule {
                    Rule::Plain => format!("<{name}>"),
                    Rule::Default(text) => format!("<{name}{colon}-{}>", shown(text)),
                    Rule::Required(text) => format!("<{name}{colon}?{}>", shown(text)),
                    Rule::Alternative(text) => format!("<{name}{colon}+{}>", shown(text)),
                }
            }
        };
        pieces.iter().map(one).collect()
    }

    #[test]
    fn every_form_of_a_variable_is_recognized() {
        let read = |text: &str| shown(&pieces(text).unwrap());
        for (text, want) in [
            ("", ""),
            ("plain {} text", "plain {} text"),
            ("$A/${B}-$C_1.x", "<A>/<B>-<C_1>.x"),
            ("$$A $$${A}", "$A $<A>"),
            ("${A:-x}${A-}${A:?no}${A?}${A:+y}${A+}", "<A:-x><A-><A:?no><A?><A:+y><A+>"),
            ("${A:-${B:-c}d}e", "<A:-<B:-c>d>e"),
            ("${A:-http://h:80/{x}", "<A:-http://h:80/{x>"),
            ("é${A}é", "é<A>é"),
        ] {
            assert_eq!(read(text), want, "{text}");
        }
    }

    #[test]
    fn an_invalid_variable_is_an_error_unless_it_may_be_literal() {
        for text in ["$", "a$ b", "$1", "${}", "${1}", "${A", "${A:}", "${A!}", "${A:-x", "${A:-${B}"] {
            assert!(pieces(text).is_err(), "{text}");
        }
        let read = |text: &str| shown(&lenient_pieces(text));
        for (text, want) in [("a$1$", "a$1$"), ("pa$$w$A", "pa$w<A>"), ("${A", "${A"), ("$", "$")] {
            assert_eq!(read(text), want, "{text}");
        }
        let deep = "${A:-".repeat(1000);
        assert!(pieces(&deep).is_err());
    }
}
