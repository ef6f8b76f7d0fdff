//! What there is of the stack on the engine, and in its database; seen without DevArch.

use crate::common::Sandbox;
use devarch_core::{id::ContainerId, observed::RunState, spec::label};
use devarch_testkit::outside;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// How long the database may take to answer; a hang, not a time that is measured.
const HANGS: Duration = Duration::from_mins(1);

/// Ids by name; of volumes the id of the apply that made them, for they have none of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Objects {
    pub(crate) running: BTreeMap<String, String>,
    pub(crate) stopped: BTreeMap<String, String>,
    pub(crate) networks: BTreeMap<String, String>,
    pub(crate) volumes: BTreeMap<String, String>,
}

impl Objects {
    /// As they are now.
    pub(crate) fn of(sandbox: &Sandbox) -> Self {
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

    /// Whether all of the stack runs, and nothing else of it is there.
    pub(crate) fn is_up(&self) -> bool {
        self.running.keys().eq(["db", "web"])
            && self.stopped.is_empty()
            && self.networks.keys().eq(["net"])
            && self.volumes.keys().eq(["db-data"])
    }

    /// Whether only the data is there.
    pub(crate) fn is_down(&self) -> bool {
        self.running.is_empty()
            && self.stopped.is_empty()
            && self.networks.is_empty()
            && self.volumes.keys().eq(["db-data"])
    }

    /// What became of each id, in words.
    pub(crate) fn compared(&self, before: &Self) -> String {
        let pairs = [
            ("db", &before.running, &self.running),
            ("web", &before.running, &self.running),
            ("net", &before.networks, &self.networks),
            ("db-data", &before.volumes, &self.volumes),
        ];
        let told = pairs.map(|(name, before, now)| match (before.get(name), now.get(name)) {
            (Some(before), Some(now)) if before == now => format!("{name} {} kept", id(now)),
            (Some(before), Some(now)) => format!("{name} {} -> {}", id(before), id(now)),
            (None, Some(now)) => format!("{name} made: {}", id(now)),
            (Some(before), None) => format!("{name} {} removed", id(before)),
            (None, None) => format!("{name} absent"),
        });
        told.join(", ")
    }
}

fn id(id: &str) -> &str {
    // The beginning of an apply's id is the time it was made at, and as good as the same for all.
    if id.contains('-') { id } else { &id[..12] }
}

/// The environment that a container was made with has that variable.
pub(crate) fn has_variable(sandbox: &Sandbox, id: &str, variable: &str) -> bool {
    let path = format!("/containers/{id}/json");
    let container = sandbox.wait(outside::get(&sandbox.endpoint(), &path));
    container["Config"]["Env"].as_array().into_iter().flatten().any(|it| it == variable)
}

/// Whether a container was made from the image of that name.
pub(crate) fn is_of(sandbox: &Sandbox, id: &str, image: &str) -> bool {
    sandbox.wait(async {
        let image = sandbox.engine().image(image).await.unwrap().unwrap();
        let all = sandbox.engine().containers().await.unwrap();
        all.iter().any(|container| container.id.as_str() == id && container.image_id == image.id)
    })
}

/// Runs a query in the database, as the user it was made for, with the password its container has; from within, once it
/// answers.
pub(crate) fn query(sandbox: &Sandbox, sql: &str) -> String {
    let line = format!(
        "PGPASSWORD=$POSTGRES_PASSWORD psql -qAtX -v ON_ERROR_STOP=1 -h 127.0.0.1 -U \"$POSTGRES_USER\" \
         -d \"$POSTGRES_DB\" -c '{sql}'"
    );
    let begun = Instant::now();
    loop {
        let database = Objects::of(sandbox).running.get("db").cloned().unwrap_or_default();
        let ran = sandbox.wait(sandbox.fixture().sh(&ContainerId::new(database), &line));
        if ran.code == 0 {
            return ran.stdout.trim().to_owned();
        }
        assert!(begun.elapsed() < HANGS, "{sql}: {}{}", ran.stdout, ran.stderr);
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// How many rows there are.
pub(crate) fn rows(sandbox: &Sandbox) -> u64 {
    query(sandbox, "SELECT count(*) FROM kept").parse().unwrap()
}
