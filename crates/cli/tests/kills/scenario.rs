//! The applies during which the program is killed.

use crate::{
    common::Sandbox,
    objects::{Objects, has_image, has_variable, query, rows},
};

const IMAGE: &str = "postgres:17.2";

/// An apply of `web` and `db` (PostgreSQL).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Creates the stack on existing data.
    Up,
    /// Changes the database's environment.
    Replace,
    /// Restores the database's previous environment.
    Rollback,
    /// Removes everything except the data.
    Down,
    /// Changes the database's image, with a copy of its data.
    Snapshot,
}

impl Scenario {
    pub(crate) const ALL: [Self; 5] = [Self::Up, Self::Replace, Self::Rollback, Self::Down, Self::Snapshot];

    /// Starts the stack and creates a table.
    pub(crate) fn begin(self, sandbox: &Sandbox) {
        self.write(sandbox, 0);
        sandbox.ok(&["up", "--yes"]);
        query(sandbox, "CREATE TABLE kept (round int)");
        if self == Self::Rollback {
            self.write(sandbox, 1);
            sandbox.ok(&["up", "--yes"]);
        }
    }

    /// Inserts a row and prepares round `round` (from 1); returns the number of rows.
    pub(crate) fn prepare(self, sandbox: &Sandbox, round: usize) -> u64 {
        query(sandbox, &format!("INSERT INTO kept VALUES ({round})"));
        let rows = rows(sandbox);
        match self {
            Self::Up => drop(sandbox.ok(&["down", "STACK", "--yes"])),
            Self::Replace | Self::Snapshot => self.write(sandbox, round),
            Self::Rollback | Self::Down => {}
        }
        rows
    }

    /// The command that is killed.
    pub(crate) fn command(self) -> &'static [&'static str] {
        match self {
            Self::Up | Self::Replace => &["up", "--yes"],
            Self::Rollback => &["rollback", "STACK", "--yes"],
            Self::Down => &["down", "STACK", "--yes"],
            Self::Snapshot => &["up", "--yes", "--snapshot"],
        }
    }

    /// Checks that the objects are in the desired state of the round, and that ids changed only where necessary.
    pub(crate) fn is_done(
        self,
        sandbox: &Sandbox,
        round: usize,
        [before, now]: [&Objects; 2],
    ) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{what}\nbefore: {before:#?}\nnow: {now:#?}"));
        if now.volumes != before.volumes {
            return wrong("the volume is another");
        }
        if self == Self::Down {
            return if now.is_down() { Ok(()) } else { wrong("it is not down") };
        }
        if !now.is_up() {
            return wrong("it is not up, or something is left over");
        }
        let kept = |name| now.running.get(name) == before.running.get(name);
        if self != Self::Up && (!kept("web") || now.networks != before.networks) {
            return wrong("web or the network is another");
        }
        if matches!(self, Self::Replace | Self::Rollback | Self::Snapshot) && kept("db") {
            return wrong("the database is still the old one");
        }
        let database = &now.running["db"];
        let right = match self {
            Self::Up | Self::Down => true,
            Self::Replace => has_variable(sandbox, database, &format!("ROUND={round}")),
            // Each rollback switches between the two latest definitions.
            Self::Rollback => has_variable(sandbox, database, &format!("ROUND={}", (round + 1) % 2)),
            Self::Snapshot => has_image(sandbox, database, IMAGE) != is_built(round),
        };
        if right { Ok(()) } else { wrong("the database is not in the desired state") }
    }

    fn write(self, sandbox: &Sandbox, round: usize) {
        let build = format!(
            "build: {{context: ., dockerfile_inline: \"FROM {IMAGE}\\nLABEL devarch.test=STACK\\n\"}}"
        );
        let snapshot = self == Self::Snapshot;
        let image = if snapshot && is_built(round) { build } else { format!("image: \"{IMAGE}\"") };
        let marked = if snapshot { 0 } else { round };
        sandbox.write(&format!(
            r#"version: "1"
stacks:
  STACK:
    instances:
      db:
        template: postgres
        {image}
        environment_add: {{ROUND: "{marked}"}}
        exports: []
      web:
        template: busybox
        command: [sh, -c, "trap 'exit 0' TERM; httpd -f -p 8000 -h / & wait"]
        ports: [8000]
        depends_on: [db]
"#
        ));
    }
}

/// Whether the database of this round has the built image; alternates.
fn is_built(round: usize) -> bool {
    round % 2 == 1
}
