//! Relative paths, which start at a Compose file's own directory, but in a devarch.yml at the devarch.yml's.

/// The Compose file's directory relative to the devarch.yml's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Base<'a>(&'a str);

impl<'a> Base<'a> {
    /// Symbolic links must already be resolved; empty for the same directory.
    pub(super) fn new(directory: &'a str) -> Self {
        Self(directory)
    }

    /// Returns the path of the same file, relative to the devarch.yml's directory.
    pub(super) fn path(self, given: &str) -> String {
        if self.0.is_empty() || given.starts_with(['/', '~']) {
            return given.to_owned();
        }
        let mut base: Vec<&str> = self.0.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        // A leading `..` leaves a directory that is no link; one after a name may leave a link's target.
        let mut rest = given;
        loop {
            let (first, after) = rest.split_once('/').unwrap_or((rest, ""));
            match first {
                "" | "." if !rest.is_empty() => rest = after,
                ".." if base.last().is_some_and(|last| *last != "..") => {
                    base.pop();
                    rest = after;
                }
                ".." => {
                    base.push("..");
                    rest = after;
                }
                _ => break,
            }
        }
        if !rest.is_empty() {
            base.push(rest);
        }
        match base.first() {
            Some(&"..") => base.join("/"),
            Some(_) => format!("./{}", base.join("/")),
            None => ".".to_owned(),
        }
    }

    /// Does the same for a build context, which may also be remote.
    pub(super) fn context(self, given: &str) -> String {
        let remote = given.contains("://") || given.starts_with("git@") || given.starts_with("github.com/");
        if remote { given.to_owned() } else { self.path(given) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_in_the_compose_files_directory() {
        for (directory, given, want) in [
            ("", "./x", "./x"),
            ("", "x", "x"),
            ("deploy", "./x", "./deploy/x"),
            ("deploy", "x/", "./deploy/x/"),
            ("deploy", "..", "."),
            ("deploy", ".", "./deploy"),
            ("deploy", "../x", "./x"),
            ("deploy", ".././/x", "./x"),
            ("a/b", "../../../x", "../x"),
            ("../other", "./x", "../other/x"),
            ("../other", "../x", "../x"),
            ("../..", "../x", "../../../x"),
            ("deploy", "link/../x", "./deploy/link/../x"),
            ("deploy", ".env", "./deploy/.env"),
            ("deploy", "/abs", "/abs"),
            ("deploy", "~/x", "~/x"),
        ] {
            assert_eq!(Base::new(directory).path(given), want, "{directory} {given}");
        }
        assert_eq!(Base::new("deploy").context("https://example.org/x.git"), "https://example.org/x.git");
    }
}
