//! Reads `.env` files like Compose: comments, `export`, multi-line quotes with escapes, and references to earlier
//! variables.

use super::substitute::{Piece, Rule, Variable, lenient_pieces};
use crate::diagnostic::{Diagnostic, Field, Place};
use std::collections::BTreeMap;

/// Returns the variables of a `.env` file. `environment` has the shell's, which take precedence in references.
pub fn dot_env(
    text: &str,
    environment: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Diagnostic> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { text, at: 0, environment, variables: BTreeMap::new() };
    while reader.skip_to_statement() {
        reader.statement()?;
    }
    Ok(reader.variables)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    environment: &'a BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Skips blanks and comments; returns whether a statement follows.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            match self.rest().chars().next() {
                Some('#') => self.skip_line(),
                next => return next.is_some(),
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = self.rest();
        self.at += rest.find('\n').map_or(rest.len(), |end| end + 1);
    }

    /// Reads `NAME=value`, `NAME: value`, or a name alone, which takes the shell's value.
    fn statement(&mut self) -> Result<(), Diagnostic> {
        let rest = self.rest();
        let after_export = rest.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
        let rest = after_export.map_or(rest, str::trim_start);
        self.at = self.text.len() - rest.len();
        let end = rest.find(['=', ':', '\n']).unwrap_or(rest.len());
        let name = rest[..end].trim();
        if name.is_empty() || !name.chars().all(is_name_character) {
            // The text may be part of a value, so it is not quoted in the message.
            return Err(self.wrong("this is no variable: write NAME=value".to_owned()));
        }
        if !rest[end..].starts_with(['=', ':']) {
            if let Some(value) = self.environment.get(name) {
                self.variables.insert(name.to_owned(), value.clone());
            }
            self.skip_line();
            return Ok(());
        }
        self.at += end + 1;
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let value = match self.rest().chars().next() {
            Some(quote @ ('"' | '\'')) => self.quoted(name, quote)?,
            _ => self.unquoted(),
        };
        self.variables.insert(name.to_owned(), value);
        Ok(())
    }

    /// Reads to the end of the line, or to a comment after a blank.
    fn unquoted(&mut self) -> String {
        let line = self.rest().lines().next().unwrap_or_default();
        let value = match line.find(" #").or_else(|| line.find("\t#")) {
            _ if line.starts_with('#') => "",
            Some(comment) => &line[..comment],
            None => line,
        };
        self.skip_line();
        self.expanded(value.trim_end())
    }

    fn quoted(&mut self, name: &str, quote: char) -> Result<String, Diagnostic> {
        let body = &self.rest()[1..];
        let mut escaped = false;
        let end = body.char_indices().find(|(_, c)| {
            let ends = *c == quote && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        let Some((end, _)) = end else {
            return Err(self.wrong(format!("the value of {name} has no closing {quote}")));
        };
        let value = &body[..end];
        self.at += end + 2;
        self.skip_line();
        Ok(if quote == '"' { self.expanded(&unescaped(value)) } else { value.replace("\\'", "'") })
    }

    fn expanded(&self, text: &str) -> String {
        self.joined(&lenient_pieces(text))
    }

    fn joined(&self, pieces: &[Piece]) -> String {
        let one = |piece: &Piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Variable(variable) => self.value(variable),
        };
        pieces.iter().map(one).collect()
    }

    fn value(&self, variable: &Variable) -> String {
        let value = self.environment.get(&variable.name).or_else(|| self.variables.get(&variable.name));
        let value = value.filter(|value| !(variable.or_empty && value.is_empty()));
        match (&variable.rule, value) {
            (Rule::Alternative(text), Some(_)) | (Rule::Default(text), None) => self.joined(text),
            (Rule::Alternative(_) | Rule::Plain | Rule::Required(_), None) => String::new(),
            (_, Some(value)) => value.clone(),
        }
    }

    fn wrong(&self, message: String) -> Diagnostic {
        let before = &self.text[..self.at];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let place = Place {
            line: count(before.matches('\n').count() + 1),
            column: count(before[line_start..].chars().count() + 1),
        };
        Diagnostic { place: Some(place), field: Field::whole(), message }
    }
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

/// Resolves the shell's escapes in double quotes; an escaped dollar starts no variable.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('v') => out.push('\u{b}'),
            Some('$') => out.push_str("$$"),
            Some(c @ ('"' | '\\')) => out.push(c),
            Some(c) => out.extend(['\\', c]),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> String {
        let shell = BTreeMap::from([("SHELL_SAYS".to_owned(), "shell".to_owned())]);
        match dot_env(text, &shell) {
            Ok(variables) => {
                let shown: Vec<String> =
                    variables.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
                shown.join("\n")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn values_are_read_as_in_compose() {
        insta::assert_snapshot!(read(
            "\u{feff}A=val#bla\r\nB=\"val #space\"#tail\r\n# a comment\nC='asdf#\"#sdf'\nD=\"a\\\"b#c\"\nE=abc # comment\n\
             F=\"tab\\tend\"\nG='no\\tescape $A'\nH=${A}-x\nI: colon\nexport J=\"exported\"\nK = blanks\nL=\"la\\$la\"\n\
             M=\nN=# comment\nO='it\\'s'\nP=\"two\nlines\"\nQ=pa$1$\nSHELL_SAYS\nNOT_SET\nR=$SHELL_SAYS ${X:-d$A} ${A:+y}\n\
             S=\"c:\\\\new\"\nT=a=b&c"
        ), @r##"
        A="val#bla"
        B="val #space"
        C="asdf#\"#sdf"
        D="a\"b#c"
        E="abc"
        F="tab\tend"
        G="no\\tescape $A"
        H="val#bla-x"
        I="colon"
        J="exported"
        K="blanks"
        L="la$la"
        M=""
        N=""
        O="it's"
        P="two\nlines"
        Q="pa$1$"
        R="shell dval#bla y"
        S="c:\\new"
        SHELL_SAYS="shell"
        T="a=b&c"
        "##);
    }

    #[test]
    fn errors_show_the_place_but_not_the_value() {
        insta::assert_snapshot!(read("A=1\nB C=2\n"), @"2:1: this is no variable: write NAME=value");
        insta::assert_snapshot!(read("A=1\n  B=\"hunter2\n"), @r##"2:5: the value of B has no closing ""##);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(([A-C]|export |[=:#'\"$\\\\{}\n\r\t ]|\\PC){0,6}){0,12}") {
            let _ = dot_env(&text, &BTreeMap::new());
        }

        #[test]
        fn a_single_quoted_value_is_literal(value in "[^'\\\\\u{0}]{0,20}") {
            let read = dot_env(&format!("A='{value}'\nB=2"), &BTreeMap::new()).unwrap();
            prop_assert_eq!(read.get("A"), Some(&value));
            prop_assert_eq!(read["B"].as_str(), "2");
        }
    }
}
