//! A call to an engine, and whether it changes something.

use hyper::Method;
use std::fmt;

/// A call that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `POST`, `PUT`, `DELETE`.
    pub method: String,
    /// Path and query, as sent.
    pub path: String,
}

impl Call {
    /// The call, if it is one that an apply makes and an undo has to revert: a method that writes, on a container, a
    /// network or a volume. Not counted, whatever their method:
    ///
    /// - `containers/{id}/wait`, `attach`, `resize`, `exec` and `exec/...`: they wait, inspect or probe, and how often
    ///   depends on the clock;
    /// - `images/...`, `build`, `auth`, `session`: images are prepared before an apply starts, and are not undone;
    /// - `libpod/containers/...`: only throw-away containers for Podman's isolation are created this way, and whether
    ///   they are needed depends on other stacks.
    ///
    /// Versions (`/v1.41`) are ignored.
    pub(crate) fn that_changes(method: &Method, path: &str) -> Option<Self> {
        if ![Method::POST, Method::PUT, Method::DELETE].contains(method) {
            return None;
        }
        let bare = path.split('?').next().unwrap_or_default();
        let is_prefix = |word: &&str| word.is_empty() || word.strip_prefix('v').is_some_and(is_version);
        let words: Vec<&str> = bare.split('/').skip_while(is_prefix).collect();
        let changes = match words.as_slice() {
            ["containers", _, "wait" | "attach" | "resize" | "exec"] => false,
            ["containers" | "networks" | "volumes", ..] | ["libpod", "networks" | "volumes", ..] => true,
            _ => false,
        };
        changes.then(|| Self { method: method.to_string(), path: path.to_owned() })
    }
}

fn is_version(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(method: &Method, path: &str) -> bool {
        Call::that_changes(method, path).is_some()
    }

    #[test]
    fn what_an_apply_does_counts_on_both_engines() {
        assert!(changes(&Method::POST, "/containers/create?name=web"));
        assert!(changes(&Method::POST, "/v1.41/containers/0f/stop?t=1"));
        assert!(changes(&Method::PUT, "/containers/0f/archive?path=/"));
        assert!(changes(&Method::POST, "/v4.0.0/libpod/networks/create"));
        assert!(changes(&Method::DELETE, "/networks/0f"));
        assert!(changes(&Method::POST, "/volumes/create"));
        assert!(changes(&Method::POST, "/containers/vault/start"), "a name is no version");
    }

    #[test]
    fn what_only_looks_or_waits_does_not() {
        assert!(!changes(&Method::GET, "/containers/json"));
        assert!(!changes(&Method::HEAD, "/containers/0f/archive?path=/"));
        assert!(!changes(&Method::POST, "/containers/0f/wait?condition=not-running"));
        assert!(!changes(&Method::POST, "/containers/0f/exec"));
        assert!(!changes(&Method::POST, "/exec/0f/start"));
        assert!(!changes(&Method::POST, "/v4.0.0/libpod/images/pull?reference=busybox"));
        assert!(!changes(&Method::POST, "/v4.0.0/libpod/containers/create"));
        assert!(!changes(&Method::POST, "/build?t=x"));
    }
}
