//! Formats variables for other programs.

use crate::text::Text;
use std::{collections::BTreeMap, fmt::Write as _};

/// A form of variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EnvFormat {
    /// A `.env` file: `NAME='value'` (Docker Compose, "Env file syntax").
    Dotenv,
    /// To be evaluated by a POSIX shell: `export NAME='value'`.
    Shell,
    /// A JSON object.
    Json,
}

/// Whether secrets are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// As `[REDACTED]`.
    Redacted,
    /// As they are: for the process that needs them.
    Revealed,
}

/// A variable that cannot be represented in a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("variable {name:?} cannot be written: {reason}")]
pub struct Unwritable {
    /// Its name.
    pub name: String,
    /// Why not.
    pub reason: &'static str,
}

/// Formats variables, ordered by name, so that readers get exactly these values.
pub fn env_text(
    variables: &BTreeMap<String, Text>,
    format: EnvFormat,
    secrets: Secrets,
) -> Result<String, Unwritable> {
    let values = variables.iter().map(|(name, text)| (name, shown(text, secrets)));
    if format == EnvFormat::Json {
        let object: serde_json::Map<String, serde_json::Value> =
            values.map(|(name, value)| (name.clone(), value.into())).collect();
        return Ok(format!("{:#}\n", serde_json::Value::Object(object)));
    }
    let mut text = String::new();
    for (name, value) in values {
        check(name, value)?;
        let _ = match format {
            EnvFormat::Shell => writeln!(text, "export {name}={}", shell(value)),
            _ => writeln!(text, "{name}={}", dotenv(value)),
        };
    }
    Ok(text)
}

fn shown(text: &Text, secrets: Secrets) -> &str {
    match secrets {
        Secrets::Redacted => text.shown(),
        Secrets::Revealed => text.reveal(),
    }
}

fn check(name: &str, value: &str) -> Result<(), Unwritable> {
    let wrong = |reason| Err(Unwritable { name: name.to_owned(), reason });
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.chars().all(word) || name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        wrong("such a name has only letters, digits and `_`, no digit first; use JSON")
    } else if value.contains('\0') {
        wrong("its value has a zero byte, which no environment can hold")
    } else {
        Ok(())
    }
}

/// Characters without a special meaning in either format.
fn is_bare(value: &str) -> bool {
    let bare = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,-".contains(c);
    !value.is_empty() && value.chars().all(bare)
}

/// Everything except single quotes is literal in single quotes (POSIX.1-2017 shell, 2.2.2).
fn shell(value: &str) -> String {
    if is_bare(value) { value.to_owned() } else { format!("'{}'", value.replace('\'', "'\\''")) }
}

/// Single quotes are literal; values with a single quote or several lines are put in double quotes, where `\`, `"` and
/// `$` are escaped.
fn dotenv(value: &str) -> String {
    if is_bare(value) {
        return value.to_owned();
    }
    if !value.contains(['\'', '\n', '\r', '\\']) {
        return format!("'{value}'");
    }
    let mut quoted = String::from("\"");
    for c in value.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\\' | '"' | '$' => quoted.extend(['\\', c]),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(pairs: &[(&str, &str)], format: EnvFormat) -> String {
        let variables = pairs.iter().map(|(name, value)| ((*name).to_owned(), Text::plain(*value))).collect();
        env_text(&variables, format, Secrets::Revealed).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn each_format_quotes_only_where_necessary() {
        let pairs = [
            ("A", "plain:1/x"),
            ("B", ""),
            ("C", "two words # $HOME `x`"),
            ("D", "it's \"$5\" \\ here"),
            ("E", "two\nlines"),
        ];
        let all = [EnvFormat::Dotenv, EnvFormat::Shell, EnvFormat::Json].map(|format| of(&pairs, format));
        insta::assert_snapshot!(all.join("---\n"), @r#"
        A=plain:1/x
        B=''
        C='two words # $HOME `x`'
        D="it's \"\$5\" \\ here"
        E="two\nlines"
        ---
        export A=plain:1/x
        export B=''
        export C='two words # $HOME `x`'
        export D='it'\''s "$5" \ here'
        export E='two
        lines'
        ---
        {
          "A": "plain:1/x",
          "B": "",
          "C": "two words # $HOME `x`",
          "D": "it's \"$5\" \\ here",
          "E": "two\nlines"
        }
        "#);
    }

    #[test]
    fn a_secret_is_printed_only_on_request() {
        let secret = super::super::values::text_of("hunter2".to_owned(), true);
        let variables = BTreeMap::from([("A".to_owned(), secret)]);
        for format in [EnvFormat::Dotenv, EnvFormat::Shell, EnvFormat::Json] {
            let text = |secrets| env_text(&variables, format, secrets).unwrap();
            assert!(!text(Secrets::Redacted).contains("hunter2"));
            assert!(text(Secrets::Revealed).contains("hunter2"));
        }
    }

    #[test]
    fn a_name_that_would_be_a_command_is_rejected() {
        assert!(of(&[("A;rm", "x")], EnvFormat::Shell).contains("cannot be written"));
        assert!(of(&[("A", "a\0b")], EnvFormat::Dotenv).contains("zero byte"));
        assert!(of(&[("A.b", "x")], EnvFormat::Json).contains("A.b"));
    }

    proptest! {
        #[test]
        fn a_shell_reads_back_what_was_written(value in "[^\0]*") {
            let line = of(&[("A", &value)], EnvFormat::Shell);
            prop_assert_eq!(shlex::split(line.trim_end_matches('\n')), Some(vec!["export".to_owned(), format!("A={value}")]));
        }
    }
}
