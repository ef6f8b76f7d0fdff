//! A lost key.

use super::Canary;
use std::fs;

impl Canary {
    /// Commands without the key, and after its reset.
    pub(super) fn a_lost_key(&mut self) {
        let key = self.sandbox.home().join("secret.key");
        fs::remove_file(key).unwrap();
        for args in [&["restart", "STACK"][..], &["stop", "STACK"], &["start", "STACK"], &["config", "STACK"]]
        {
            self.ok(args);
        }
        for args in [&["logs", "STACK"][..], &["exec", "STACK/web", "-T", "--", "env"], &["plan", "STACK"]] {
            self.fails(args);
        }
        let reset = self.ok(&["secret", "key", "reset", "--yes", "--json"]);
        assert!(reset.stderr.contains("set again: devarch secret set STACK TYPED"), "{reset}");
        for args in [&["logs", "STACK"][..], &["exec", "STACK/web", "-T", "--", "env"], &["plan", "STACK"]] {
            self.fails(args);
        }
        for name in ["TYPED", "FILED", "WORD"] {
            self.set(name, &self.secrets[name].clone());
        }
        self.ok(&["up", "--yes"]);
        for (name, variable) in [("MADEANEW", "MADE"), ("OWNMADEANEW", "WHOLE")] {
            let before = self.secrets[&name.replace("ANEW", "")].clone();
            let now = self.variable("web", variable);
            assert_ne!(now, before);
            self.secrets.insert(name.to_owned(), now);
        }
        assert!(self.ok(&["logs", "STACK/web"]).stdout.contains("started with [REDACTED]"));
    }
}
