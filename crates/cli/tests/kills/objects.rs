//! The stack's objects on the engine and the rows of its database, observed without DevArch.

use crate::common::Sandbox;
use devarch_core::{id::ContainerId, observed::RunState, spec::label};
use devarch_testkit::outside;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Time limit for the database's answer; a longer wait counts as a hang.
const HANGS: Duration = Duration::from_mins(1);

/// Ids by name. Volumes have no id, so theirs is that of the apply that created them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Objects {
    pub(crate) running: BTreeMap<String, String>,
    pub(crate) stopped: BTreeMap<String, String>,
    pub(crate) networks: BTreeMap<String, String>,
    pub(crate) volumes: BTreeMap<String, String>,
}

impl Objects {
    /// Lists the sandbox's objects.
    pub(crate) fn observe(sandbox: &Sandbox) -> Self {
        let prefix = format!("devarch-{}-", sandbox.stack);
        let short = |name: &str| name.strip_prefix(&prefix).map(str::to_owned);
        sandbox.wait(async {
            let (mut running, mut stopped) = (BTreeMap::new(), BTreeMap::new());
            for container in sandbox.engine().containers().await.unwrap() {
                let Some(name) = short(container.name.as_str()) else { continue };
                let runs = container.state == RunState::Running;
                if runs { &mut running } else { &mut stopped }.insert(name, container.id.to_string());
            }
            let networks = sandbox.engine().networks().await.unwrap().into_iter();
            let networks = networks.filter_map(|it| Some((short(&it.name)?, it.id.to_string()))).collect();
            let mut volumes = BTreeMap::new();
            for (full, labels) in sandbox.engine().volumes().await.unwrap() {
                let Some(name) = short(&full) else { continue };
                volumes.insert(name, labels.get(label::APPLY_ID).cloned().unwrap_or_default());
            }
            Self { running, stopped, networks, volumes }
        })
    }

    /// Whether exactly the complete stack is running.
    pub(crate) fn is_up(&self) -> bool {
        self.running.keys().eq(["db", "web"])
            && self.stopped.is_empty()
            && self.networks.keys().eq(["net"])
            && self.volumes.keys().eq(["db-data"])
    }

    /// Whether only the volume exists.
    pub(crate) fn is_down(&self) -> bool {
        self.running.is_empty()
            && self.stopped.is_empty()
            && self.networks.is_empty()
            && self.volumes.keys().eq(["db-data"])
    }

    /// Describes how each id changed.
    pub(crate) fn compared(&self, before: &Self) -> String {
        let pairs = [
            ("db", &before.running, &self.running),
            ("web", &before.running, &self.running),
            ("net", &before.networks, &self.networks),
            ("db-data", &before.volumes, &self.volumes),
        ];
        let changes = pairs.map(|(name, before, now)| match (before.get(name), now.get(name)) {
            (Some(before), Some(now)) if before == now => format!("{name} {} kept", id(now)),
            (Some(before), Some(now)) => format!("{name} {} -> {}", id(before), id(now)),
            (None, Some(now)) => format!("{name} made: {}", id(now)),
            (Some(before), None) => format!("{name} {} removed", id(before)),
            (None, None) => format!("{name} absent"),
        });
        changes.join(", ")
    }
}

fn id(id: &str) -> &str {
    // An apply's id begins with its timestamp, which hardly differs between applies.
    if id.contains('-') { id } else { &id[..12] }
}

/// Whether a container was created with this environment variable.
pub(crate) fn has_variable(sandbox: &Sandbox, id: &str, variable: &str) -> bool {
    let path = format!("/containers/{id}/json");
    let container = sandbox.wait(outside::get(&sandbox.endpoint(), &path));
    container["Config"]["Env"].as_array().into_iter().flatten().any(|it| it == variable)
}

/// Whether a container uses this image.
pub(crate) fn has_image(sandbox: &Sandbox, id: &str, image: &str) -> bool {
    sandbox.wait(async {
        let image = sandbox.engine().image(image).await.unwrap().unwrap();
        let all = sandbox.engine().containers().await.unwrap();
        all.iter().any(|container| container.id.as_str() == id && container.image_id == image.id)
    })
}

/// Runs a query inside the database's container, as its user and with its password; retries until the database
/// answers.
pub(crate) fn query(sandbox: &Sandbox, sql: &str) -> String {
    let line = format!(
        "PGPASSWORD=$POSTGRES_PASSWORD psql -qAtX -v ON_ERROR_STOP=1 -h 127.0.0.1 -U \"$POSTGRES_USER\" \
         -d \"$POSTGRES_DB\" -c '{sql}'"
    );
    let begun = Instant::now();
    loop {
        let database = Objects::observe(sandbox).running.get("db").cloned().unwrap_or_default();
        let ran = sandbox.wait(sandbox.fixture().sh(&ContainerId::new(database), &line));
        if ran.code == 0 {
            return ran.stdout.trim().to_owned();
        }
        assert!(begun.elapsed() < HANGS, "{sql}: {}{}", ran.stdout, ran.stderr);
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The number of rows.
pub(crate) fn rows(sandbox: &Sandbox) -> u64 {
    query(sandbox, "SELECT count(*) FROM kept").parse().unwrap()
}
