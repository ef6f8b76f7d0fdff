//! What a stack's api can reach, tested from inside its container.

use super::{Demo, claims::Claims};
use crate::{
    devarch::Devarch,
    failure::{Context as _, Failure, Result},
};

/// Runs in the container, which has Python: resolves a name or connects to a database's port.
const PROBE: &str = r#"
import socket, sys

what, host = sys.argv[1:]
try:
    if what == "resolve":
        print("RESULT yes", sorted({a[4][0] for a in socket.getaddrinfo(host, 5432)}))
    else:
        socket.create_connection((host, 5432), timeout=3).close()
        print("RESULT yes, connected")
except socket.gaierror as error:
    print("RESULT no,", error)
except ConnectionRefusedError as error:
    print("RESULT yes, it answered:", error)
except OSError as error:
    print("RESULT no,", error)
"#;

/// The attempts.
#[derive(Clone, Copy)]
enum Attempt {
    Resolve,
    Connect,
}

/// Whether it should succeed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Yes,
    No,
}

impl Demo {
    /// Names and addresses of a stack's own answer, those of the other stack do not.
    pub(super) fn check_isolation(&self, claims: &mut Claims, stack: &str, other: &str) -> Result<()> {
        use {
            Attempt::{Connect, Resolve},
            Expected::{No, Yes},
        };
        let devarch = self.devarch()?;
        let database = |stack: &str| {
            devarch.instance(stack, "db")?.address.context(format!("{stack}/db has no address"))
        };
        let (own, others) = (database(stack)?, database(other)?);
        let inside = Inside { devarch: &devarch, stack };
        let name = |stack: &str| format!("devarch-{stack}-db");
        claims.check(
            &format!("{stack}/api resolves its own {}", name(stack)),
            inside.probe(Resolve, &name(stack), Yes),
        );
        claims.check(
            &format!("{stack}/api does not resolve {}", name(other)),
            inside.probe(Resolve, &name(other), No),
        );
        claims.check(
            &format!("{stack}/api reaches its own database at {own}"),
            inside.probe(Connect, &own, Yes),
        );
        claims.check(
            &format!("{stack}/api does not reach {other}/db at {others}"),
            inside.probe(Connect, &others, No),
        );
        Ok(())
    }
}

struct Inside<'a> {
    devarch: &'a Devarch,
    stack: &'a str,
}

impl Inside<'_> {
    fn probe(&self, attempt: Attempt, host: &str, expected: Expected) -> Result<()> {
        let word = match attempt {
            Attempt::Resolve => "resolve",
            Attempt::Connect => "connect",
        };
        let api = format!("{}/api", self.stack);
        let mut command = self.devarch.command(&["exec", &api, "--", "python3", "-c", PROBE, word, host]);
        let output = command.output().context("cannot start devarch")?;
        let printed = String::from_utf8_lossy(&output.stdout);
        if outcome(&printed) == Some(expected) {
            return Ok(());
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(Failure::new(format!("another result was expected: {printed}{errors}").trim_end()))
    }
}

/// The result that the probe printed.
fn outcome(printed: &str) -> Option<Expected> {
    let result = printed.lines().find_map(|line| line.trim().strip_prefix("RESULT "))?;
    Some(if result.starts_with("yes") { Expected::Yes } else { Expected::No })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_without_a_result_is_inconclusive() {
        assert!(outcome("RESULT yes ['10.0.0.2']\r\n") == Some(Expected::Yes));
        assert!(outcome("noise\nRESULT no, timed out\n") == Some(Expected::No));
        assert!(outcome("python3: not found\n").is_none());
    }
}
