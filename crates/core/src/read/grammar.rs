//! Texts with a grammar of their own, validated as they are read, so that invalid characters reach neither an engine
//! nor a terminal.

use super::{
    fields::At,
    scalar::{nonempty, text},
};
use crate::{escape, image_ref::ImageRef};
use std::net::IpAddr;

/// Reads a line of printable characters: paths, options.
pub(super) fn printable(at: &At<'_>) -> Option<String> {
    let text = nonempty(at)?;
    checked(at, &text).then_some(text)
}

/// Returns whether a text consists of printable characters; reports it if not.
pub(super) fn checked(at: &At<'_>, text: &str) -> bool {
    let visible = !text.contains(escape::is_control);
    if !visible {
        at.tell(format!("\"{}\" has a control character in it", escape::line(text)));
    }
    visible
}

/// Reads an image's name.
pub(super) fn image(at: &At<'_>) -> Option<String> {
    let name = nonempty(at)?;
    match ImageRef::parse(&name) {
        Ok(_) => Some(name),
        Err(flaw) => at.wrong(format!(
            "{name:?} is not an image's name: {flaw}; one looks like postgres:17.2 or ghcr.io/me/app:1"
        )),
    }
}

/// Reads `OS[/ARCHITECTURE[/VARIANT]]`.
pub(super) fn platform(at: &At<'_>) -> Option<String> {
    let platform = nonempty(at)?;
    let part = |part: &str| consists_of(part, "._-");
    if platform.split('/').count() <= 3 && platform.split('/').all(part) {
        Some(platform)
    } else {
        at.wrong(format!("{platform:?} is not a platform; one looks like linux/arm64"))
    }
}

/// Returns whether a text is a machine's name in a network; underscores are in use, though no standard allows them.
fn is_host_name(name: &str) -> bool {
    let label = |label: &str| label.len() <= 63 && consists_of(label, "-_") && !label.starts_with('-');
    name.len() <= 253 && name.split('.').all(label)
}

/// Reads a host name.
pub(super) fn host_name(at: &At<'_>) -> Option<String> {
    let name = nonempty(at)?;
    checked_host_name(at, &name).then_some(name)
}

/// Returns whether a text is a host name; reports it if not.
pub(super) fn checked_host_name(at: &At<'_>, name: &str) -> bool {
    let right = is_host_name(name);
    if !right {
        at.tell(format!("{name:?} is not a host's name: letters, digits, '-', '_' and '.' are allowed"));
    }
    right
}

/// Reads an address, or the engine's name for the host.
pub(super) fn host_address(at: &At<'_>) -> Option<String> {
    let given = text(at)?;
    let bare = given.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&given);
    if bare == "host-gateway" || bare.parse::<IpAddr>().is_ok() {
        return Some(bare.to_owned());
    }
    at.wrong(format!("{given:?} is not an IP address, nor host-gateway"))
}

/// Reads an address, as text.
pub(super) fn address(at: &At<'_>) -> Option<String> {
    let given = text(at)?;
    match given.parse::<IpAddr>() {
        Ok(_) => Some(given),
        Err(_) => at.wrong(format!("{given:?} is not an IP address")),
    }
}

/// Reads `HOST[:CONTAINER[:PERMISSIONS]]`, or a device of the Container Device Interface, `VENDOR/CLASS=NAME`.
pub(super) fn device(at: &At<'_>) -> Option<String> {
    let device = nonempty(at)?;
    let path = |path: &str| path.starts_with('/') && path.len() > 1 && !path.contains(escape::is_control);
    let permissions = |given: &str| !given.is_empty() && given.chars().all(|c| "rwm".contains(c));
    let right = match device.split(':').collect::<Vec<_>>().as_slice() {
        [host] => path(host) || is_cdi(host),
        [host, second] => path(host) && (path(second) || permissions(second)) || is_cdi(&device),
        [host, container, given] => path(host) && path(container) && permissions(given),
        _ => false,
    };
    if right {
        Some(device)
    } else {
        at.wrong(format!("{device:?} is not a device; one looks like /dev/ttyUSB0, /dev/sda:/dev/xvda:r"))
    }
}

/// Matches `vendor.com/class=name` (Container Device Interface, device names).
fn is_cdi(text: &str) -> bool {
    let Some((kind, name)) = text.split_once('=') else { return false };
    let Some((vendor, class)) = kind.split_once('/') else { return false };
    consists_of(vendor, ".-_") && consists_of(class, "-_") && consists_of(name, ".:-_")
}

/// Reads the name or number of a Dockerfile's stage.
pub(super) fn stage(at: &At<'_>) -> Option<String> {
    let stage = nonempty(at)?;
    if consists_of(&stage, "._-") {
        Some(stage)
    } else {
        at.wrong(format!(
            "{stage:?} is not a stage of a Dockerfile: letters, digits, '.', '_' and '-' are allowed"
        ))
    }
}

/// Reads a name defined by the kernel or the engine: a capability, a signal, a group, a limit.
pub(super) fn word(at: &At<'_>) -> Option<String> {
    let word = nonempty(at)?;
    if consists_of(&word, "._-+") {
        Some(word)
    } else {
        at.wrong(format!("{word:?} is not one word of letters, digits, '.', '_', '-' and '+'"))
    }
}

/// Returns whether a text has only letters, digits and these characters.
fn consists_of(text: &str, others: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

#[cfg(test)]
mod tests {
    use super::super::{Reader, parse_yaml};
    use super::*;

    /// Returns the error for a text; `None` if it is valid.
    fn flaw(read: impl Fn(&At<'_>) -> Option<String>, given: &str) -> Option<String> {
        // YAML allows control characters only as escapes.
        let text = serde_json::to_string(given).unwrap();
        let (node, reader) = (parse_yaml(&escape::json(&text)).unwrap(), Reader::new());
        let read = read(&At::root(&reader, &node));
        let wrong = reader.finish(read).err()?;
        Some(wrong.iter().map(|diagnostic| diagnostic.message.clone()).collect::<Vec<_>>().join("; "))
    }

    type Read = fn(&At<'_>) -> Option<String>;

    #[test]
    fn texts_that_match_their_grammar_are_accepted() {
        let right: [(Read, &[&str]); 9] = [
            (printable, &["a b", "ü/ö"]),
            (image, &["postgres:17", "localhost:5000/a@sha256:0123456789abcdef0123456789abcdef"]),
            (platform, &["linux", "linux/arm64", "linux/arm/v7"]),
            (host_name, &["web", "web-1.example.com", "a_b", "1"]),
            (host_address, &["10.0.0.1", "::1", "[::1]", "host-gateway"]),
            (address, &["10.0.0.1", "::1"]),
            (
                device,
                &[
                    "/dev/null",
                    "/dev/a:/dev/b",
                    "/dev/a:/dev/b:rw",
                    "/dev/a:r",
                    "nvidia.com/gpu=all",
                    "a.b/c=0:1",
                ],
            ),
            (stage, &["build", "0", "a.b_c-d"]),
            (word, &["NET_ADMIN", "SIGTERM", "SIGRTMIN+3", "nofile", "1000"]),
        ];
        for (read, texts) in right {
            for text in texts {
                assert_eq!(flaw(read, text), None, "{text}");
            }
        }
    }

    #[test]
    fn control_characters_are_rejected_by_every_grammar() {
        let all: [Read; 9] =
            [printable, image, platform, host_name, host_address, address, device, stage, word];
        for read in all {
            for hostile in
                ["a\x1b[2J", "/a\u{9b}2J", "a\nb", "10.0.0.1\r", "/dev/a:/dev/\u{202e}b", "a\u{7f}"]
            {
                assert!(flaw(read, hostile).is_some(), "{hostile:?}");
            }
        }
        insta::assert_snapshot!(flaw(printable, "a\x1bb\n").unwrap(), @r#""a\x1bb\n" has a control character in it"#);
    }

    #[test]
    fn errors_describe_the_expected_grammar() {
        let wrong: [(Read, &[&str]); 7] = [
            (platform, &["linux/a/b/c", "linux/"]),
            (host_name, &["-a", "a..b", "a b", "a/b"]),
            (host_address, &["db", "1.2.3", "[host"]),
            (address, &["host-gateway", "1.2.3.4/8"]),
            (device, &["null", "/dev/a:b", "/dev/a:/b:x", "/a:/b:r:w", "/"]),
            (stage, &["a b", "a/b"]),
            (word, &["a b", "a,b"]),
        ];
        for (read, texts) in wrong {
            for text in texts {
                assert!(flaw(read, text).is_some(), "{text}");
            }
        }
    }
}
