//! Detects values that look like secrets, by their variable's name or their content. Used by import, interpolation and
//! the search for leaks.

/// Words that mark a name as that of a secret.
const SECRET_WORDS: &[&str] = &[
    "password",
    "passwd",
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "apikey",
    "credential",
    "credentials",
    "passphrase",
];

/// Those that also count as the end of a word: `PGPASSWORD`.
const SECRET_ENDINGS: &[&str] =
    &["password", "passwd", "passphrase", "secret", "token", "apikey", "credentials"];

/// Last words of names that only describe a secret: `KEY_FILE`, `TOKEN_TTL`.
const ABOUT_WORDS: &[&str] =
    &["file", "path", "dir", "id", "name", "ttl", "expiry", "length", "url", "user", "public"];

/// Shell variables whose names only look like it: the current and the previous directory.
const SHELL_DIRECTORIES: &[&str] = &["PWD", "OLDPWD"];

/// A number shorter than this is a port, a limit or a time.
const SHORTEST_NUMBER: usize = 6;

/// Whether a value should be treated as a secret: by its name, or because it contains a password or a private key.
/// Empty values, booleans and short numbers never are.
pub fn looks_secret(name: &str, value: &str) -> bool {
    !is_trivial(value) && (is_secret_name(name) || holds_credentials(value))
}

/// Whether the name alone marks a value as secret.
pub fn is_secret_name(name: &str) -> bool {
    let words = words(name);
    let about = words.last().is_some_and(|last| ABOUT_WORDS.contains(&last.as_str()));
    let is_secret_word = |word: &String| {
        SECRET_WORDS.contains(&word.as_str()) || SECRET_ENDINGS.iter().any(|ending| word.ends_with(ending))
    };
    let secret = words.iter().any(is_secret_word);
    secret && !about && !SHELL_DIRECTORIES.contains(&name)
}

fn is_trivial(value: &str) -> bool {
    let value = value.trim();
    let short_number = value.len() < SHORTEST_NUMBER && value.bytes().all(|byte| byte.is_ascii_digit());
    short_number || value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
}

/// The lower-case words of a name, split at `_`, `-`, `.` and changes of case, without trailing numbers.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in name.split(|c: char| !c.is_alphanumeric()) {
        let mut word = String::new();
        let mut before: Option<char> = None;
        let mut rest = part.chars().peekable();
        while let Some(c) = rest.next() {
            let begins = c.is_uppercase()
                && before.is_some_and(|before| {
                    !before.is_uppercase() || rest.peek().is_some_and(|after| after.is_lowercase())
                });
            if begins {
                words.push(std::mem::take(&mut word));
            }
            word.extend(c.to_lowercase());
            before = Some(c);
        }
        words.push(word);
    }
    let trimmed = words.iter().map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned());
    trimmed.filter(|word| !word.is_empty()).collect()
}

fn holds_credentials(value: &str) -> bool {
    let private_key = value.contains("-----BEGIN ") && value.contains("PRIVATE KEY");
    private_key || value.match_indices("://").any(|(at, scheme)| has_password(&value[at + scheme.len()..]))
}

/// Whether the text after `://` starts with `user:password@`. Passwords may contain an unescaped slash, so only text
/// that looks like a port counts as one.
fn has_password(authority: &str) -> bool {
    let end = authority.find(char::is_whitespace).unwrap_or(authority.len());
    let Some((user, rest)) = authority[..end].split_once(':') else { return false };
    let Some((password, _)) = rest.split_once('@') else { return false };
    let port = password.split_once('/').is_some_and(|(port, _)| {
        port.len() < SHORTEST_NUMBER && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    !user.contains(['/', '@', '?', '#']) && !password.is_empty() && !port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_word_by_word() {
        for name in [
            "PASSWORD",
            "DB_PASSWORD",
            "db-passwd",
            "smtp.pass",
            "MYSQL_PWD",
            "clientSecret",
            "GITHUB_TOKEN",
            "APIKey",
            "APIKEY",
            "AWS_SECRET_ACCESS_KEY",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "sshPassphrase",
            "DB_PASSWORD2",
            "KEY_ID_SECRET",
            "PGPASSWORD",
            "GITHUBTOKEN",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "",
            "PWD",
            "OLDPWD",
            "KEYBOARD",
            "MONKEY",
            "PASSENGER",
            "PASSWORD_FILE",
            "API_KEY_PATH",
            "SECRETS",
            "PGPASSFILE",
            "TOKENIZER",
            "AWS_ACCESS_KEY_ID",
            "TOKEN_TTL",
            "TokenUrl",
            "KEY_PUBLIC",
            "SECRET_NAME",
            "PASSWORD_LENGTH",
            "POSTGRES_USER",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn values_are_judged_by_name_and_content() {
        for value in ["", "true", "False", "0", "8080", "99999"] {
            assert!(!looks_secret("API_KEY", value), "{value:?}");
        }
        for value in ["x", "123456", "hunter2", "a/b"] {
            assert!(looks_secret("API_KEY", value), "{value:?}");
            assert!(!looks_secret("GREETING", value), "{value:?}");
        }
        for value in [
            "postgres://app:hunter2@db/app",
            "redis://:pw@cache:6379/0",
            "a, amqp://u:p/w+@mq",
            "-----BEGIN PRIVATE KEY-----\nMII",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
        ] {
            assert!(looks_secret("SETTING", value), "{value:?}");
        }
        for value in [
            "http://localhost:3000/@scope",
            "postgres://app@db/app",
            "https://h/a:b@c",
            "http://h:80 a@b",
            "-----BEGIN CERTIFICATE-----",
            "mailto:a@b",
        ] {
            assert!(!looks_secret("SETTING", value), "{value:?}");
        }
    }
}
