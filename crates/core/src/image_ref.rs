//! Image names, by the grammar of the distribution project (distribution/reference), which both engines use.

use std::fmt;

/// Longest name without tag and digest that registries accept.
const LONGEST: usize = 255;
/// Longest tag.
const LONGEST_TAG: usize = 128;

/// `[REGISTRY/]PATH[:TAG][@DIGEST]`, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageRef<'a> {
    /// The registry, if the name starts with one.
    pub registry: Option<&'a str>,
    /// The path in the registry: `library/postgres`, `postgres`.
    pub path: &'a str,
    /// The tag.
    pub tag: Option<&'a str>,
    /// The digest: `sha256:...`.
    pub digest: Option<&'a str>,
}

/// The rule that a text breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidImageRef {
    /// The registry is no host with perhaps a port.
    #[error("its registry is not a host name or address, with a port or without")]
    Registry,
    /// A part of the path has other characters, or starts or ends with a separator.
    #[error(
        "parts of its path are a-z and 0-9, separated by '.', '_', '__' or any number of '-', and by '/'"
    )]
    Path,
    /// The tag has other characters.
    #[error("a tag is at most 128 of a-z, A-Z, 0-9, '_', '.' and '-', and does not begin with '.' or '-'")]
    Tag,
    /// The digest is none.
    #[error("a digest is an algorithm, ':' and at least 32 hexadecimal digits")]
    Digest,
    /// It is longer than registries accept.
    #[error("it is longer than {LONGEST} characters")]
    TooLong,
}

impl<'a> ImageRef<'a> {
    /// Takes a name apart.
    ///
    /// # Errors
    ///
    /// Where it breaks a rule of the grammar.
    pub fn parse(text: &'a str) -> Result<Self, InvalidImageRef> {
        let (text, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        let (name, tag) = match text.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (text, None),
        };
        let (registry, path) = match name.split_once('/') {
            Some((first, rest)) if is_registry(first) => (Some(first), rest),
            _ => (None, name),
        };
        if !registry.is_none_or(is_host) {
            Err(InvalidImageRef::Registry)
        } else if !path.split('/').all(is_component) {
            Err(InvalidImageRef::Path)
        } else if name.len() > LONGEST {
            Err(InvalidImageRef::TooLong)
        } else if !tag.is_none_or(is_tag) {
            Err(InvalidImageRef::Tag)
        } else if !digest.is_none_or(is_digest) {
            Err(InvalidImageRef::Digest)
        } else {
            Ok(Self { registry, path, tag, digest })
        }
    }

    /// The repository, normalised as Docker does (`postgres:17` is `docker.io/library/postgres`); tag and digest don't
    /// count.
    pub fn repository(&self) -> String {
        let registry = match self.registry {
            None | Some("index.docker.io") => "docker.io",
            Some(registry) => registry,
        };
        let library = if registry == "docker.io" && !self.path.contains('/') { "library/" } else { "" };
        format!("{registry}/{library}{}", self.path)
    }
}

impl fmt::Display for ImageRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { registry, path, tag, digest } = self;
        let registry = registry.map(|registry| format!("{registry}/")).unwrap_or_default();
        write!(f, "{registry}{path}")?;
        tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

/// Docker's rule for what the first part of a name is.
fn is_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let is_label = |label: &str| {
        label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    port.is_none_or(is_port)
        && address.map_or_else(
            || host.split('.').all(is_label),
            |address| address.parse::<std::net::Ipv6Addr>().is_ok(),
        )
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(part: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = part.split(alphanumeric).filter(|separator| !separator.is_empty());
    let separates =
        |separator: &str| matches!(separator, "." | "_" | "__") || separator.bytes().all(|b| b == b'-');
    part.starts_with(alphanumeric) && part.ends_with(alphanumeric) && separators.into_iter().all(separates)
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= LONGEST_TAG
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'))
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, value)) = digest.split_once(':') else { return false };
    let named = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    algorithm.split(['-', '_', '+', '.']).all(named)
        && value.len() >= 32
        && value.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn a_valid_name_is_parsed_and_printed_unchanged() {
        let digested = format!("quay.io/a__b/c--d/e@{DIGEST}");
        for name in [
            "postgres",
            "postgres:17.2",
            "me/app",
            "ghcr.io/me/app:1",
            "localhost/app",
            "localhost:5000/app:a_B.c-1",
            "[::1]:5000/app",
            "127.0.0.1:5000/app",
            &digested,
            &format!("a:b@{DIGEST}"),
        ] {
            assert_eq!(ImageRef::parse(name).map(|image| image.to_string()), Ok(name.to_owned()));
        }
        let parsed = ImageRef::parse(&digested);
        let expected =
            ImageRef { registry: Some("quay.io"), path: "a__b/c--d/e", tag: None, digest: Some(DIGEST) };
        assert_eq!(parsed, Ok(expected));
    }

    #[test]
    fn an_invalid_name_is_rejected_with_the_violated_rule() {
        use InvalidImageRef::{Digest, Path, Registry, Tag, TooLong};
        let long = "a".repeat(256);
        for (name, flaw) in [
            ("", Path),
            ("Postgres", Path),
            ("Me/app", Path),
            ("a b", Path),
            ("a\x1b[31m", Path),
            ("a//b", Path),
            ("/a", Path),
            ("a/", Path),
            ("-a", Path),
            ("a___b", Path),
            ("a._b", Path),
            ("a:b/c:d", Registry),
            ("https://a/b", Registry),
            ("-a.b/c", Registry),
            ("a.b:x/c", Registry),
            ("[::g]/c", Registry),
            ("a:", Tag),
            ("a:.b", Tag),
            ("a:b\u{202e}", Tag),
            ("a@sha256:12", Digest),
            ("a@b", Digest),
            (&long, TooLong),
        ] {
            assert_eq!(ImageRef::parse(name), Err(flaw), "{name}");
        }
    }

    #[test]
    fn a_repository_name_is_fully_qualified() {
        let of = |name: &str| ImageRef::parse(name).unwrap().repository();
        assert_eq!(of("postgres:17"), "docker.io/library/postgres");
        assert_eq!(of("index.docker.io/me/app"), "docker.io/me/app");
        assert_eq!(of(&format!("localhost:5000/app@{DIGEST}")), "localhost:5000/app");
    }

    proptest! {
        #[test]
        fn generated_names_are_parsed_into_their_parts(
            registry in prop::option::of("localhost|[a-z0-9]{1,4}\\.[a-z]{2,3}(:[0-9]{1,5})?|\\[::1\\]:[0-9]{1,5}"),
            path in "[a-z0-9]{1,4}((\\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}(/[a-z0-9]{1,4}(-[a-z0-9]{1,4}){0,2}){0,2}",
            tag in prop::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}"),
            digest in prop::option::of("sha256:[0-9a-f]{64}"),
        ) {
            // The first part of a path that could be a registry is one.
            prop_assume!(registry.is_some() || !path.split_once('/').is_some_and(|(first, _)| is_registry(first)));
            let (registry, tag, digest) = (registry.as_deref(), tag.as_deref(), digest.as_deref());
            let image = ImageRef { registry, path: &path, tag, digest };
            let text = image.to_string();
            prop_assert_eq!(ImageRef::parse(&text), Ok(image));
        }

        #[test]
        fn a_text_is_rejected_or_printed_unchanged(text in "[a-zA-Z0-9./:@_-]{0,24}") {
            if let Ok(image) = ImageRef::parse(&text) {
                prop_assert_eq!(image.to_string(), text);
            }
        }
    }
}
