//! A restored fixture: objects on an engine, rows in a database, and a key in a home.

use crate::{
    common::{Sandbox, postgres::Postgres},
    objects::{Inventory, Objects},
    sealed,
};
use devarch_app::Settings;
use devarch_core::{engine::EngineKind, id::ContainerId};
use devarch_testkit::scope::Claim;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// The volume that identifies an engine, and the label with the engine's id.
const MARKER: (&str, &str) = ("devarch-engine", "devarch.engine_id");

/// The kind of store of a fixture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

/// A home as a release left it. The fields are dropped in order, and earlier ones need later ones.
pub(crate) struct Home {
    objects: Objects,
    pub(crate) sandbox: Sandbox,
    _database: Option<Postgres>,
    /// The release's own output about it.
    pub(crate) seen: Value,
    /// The objects right after they were restored.
    pub(crate) initial: Inventory,
    _alone: Claim,
}

impl Home {
    /// Restores a fixture; `None` without the engine or database.
    pub(crate) fn open(release: &str, kind: EngineKind, database: Database) -> Option<Self> {
        let (engine, store) = match (kind, database) {
            (EngineKind::Docker, Database::Sqlite) => ("docker", "docker-sqlite"),
            (EngineKind::Docker, Database::Postgres) => ("docker", "docker-postgres"),
            (EngineKind::Podman, Database::Sqlite) => ("podman", "podman-sqlite"),
            (EngineKind::Podman, Database::Postgres) => ("podman", "podman-postgres"),
        };
        let mut sandbox = Sandbox::on(kind)?;
        let own = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(Postgres::create(&mut sandbox)?),
        };
        // Stack names are part of config hashes, so they cannot be unique to this test.
        let alone = Claim::only(&format!("upgrade-{engine}"));
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade").join(release);
        copy(&fixture.join("project"), &sandbox.project());
        let fixture = fixture.join(store);
        let objects = Objects::create(&sandbox, &fixture);
        let names = placeholders(&sandbox, &objects, &fixture);
        fs::DirBuilder::new().mode(0o700).create(sandbox.home()).unwrap();
        let key = fs::read(fixture.join("secret.key")).unwrap();
        private(&sandbox.home().join("secret.key"), &key);
        let rows = fill(&fixture.join("store.sql"), &names);
        sandbox.wait(load(&sandbox, database, rows));
        let seen = serde_json::from_str(&fill(&fixture.join("seen.json"), &names)).unwrap();
        let initial = objects.now(&sandbox);
        let home = Self { objects, sandbox, _database: own, seen, initial, _alone: alone };
        home.write_into_volume();
        Some(home)
    }

    /// The current objects.
    pub(crate) fn now(&self) -> Inventory {
        self.objects.now(&self.sandbox)
    }

    /// The number of containers with this name prefix.
    pub(crate) fn count(&self, prefix: &str) -> usize {
        self.now().count(prefix)
    }

    /// Creates an empty file in a container.
    pub(crate) fn write_into(&self, container: &str, file: &str) {
        assert_eq!(self.sh(container, &format!("touch {file}")), 0, "{container}: {file}");
    }

    /// Checks that a container has a file.
    pub(crate) fn has(&self, container: &str, file: &str) {
        assert_eq!(self.sh(container, &format!("test -e {file}")), 0, "{container} lacks {file}");
    }

    fn sh(&self, container: &str, line: &str) -> i64 {
        let id = ContainerId::new(self.now().containers[container].id.clone());
        self.sandbox.wait(self.sandbox.fixture().sh(&id, line)).code
    }

    /// Writes data into the volume that no stack uses.
    fn write_into_volume(&self) {
        self.sandbox.wait(self.objects.put_file(&self.sandbox, "devarch-upg-gone-db-data", "old"));
    }
}

/// Values for the placeholders of a fixture that differ between machines.
fn placeholders(sandbox: &Sandbox, objects: &Objects, fixture: &Path) -> BTreeMap<String, String> {
    let settings = Settings::read(None, |name| (name == "HOME").then(|| "/nonexistent".into())).unwrap();
    let mut names = objects.names.clone();
    let project = sandbox.project().canonicalize().unwrap();
    names.insert("project".to_owned(), project.to_str().unwrap().to_owned());
    names.insert("endpoint".to_owned(), sandbox.endpoint());
    let engine = marker(sandbox);
    names.extend(sealed::placeholders(fixture, &engine));
    names.insert("engine".to_owned(), engine);
    names.insert("host".to_owned(), settings.host);
    // In one day.
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    names.insert("expires".to_owned(), (now + 86_400_000).to_string());
    names
}

/// The engine's id; created as an apply would if it does not exist.
fn marker(sandbox: &Sandbox) -> String {
    let (name, label) = MARKER;
    let body = serde_json::json!({"Name": name, "Labels": {label: uuid(sandbox)}});
    let found =
        || sandbox.wait(devarch_testkit::outside::get(&sandbox.endpoint(), &format!("/volumes/{name}")));
    if found()["Labels"][label].is_null() {
        let create = devarch_testkit::outside::send;
        let body = body.to_string();
        sandbox.wait(create(&sandbox.endpoint(), ("POST", "/volumes/create"), ("json", body.as_bytes())));
    }
    found()["Labels"][label].as_str().unwrap().to_owned()
}

fn uuid(sandbox: &Sandbox) -> String {
    format!("0193c7d2-0000-7000-8000-{:012x}", sandbox.project().as_os_str().len())
}

/// A fixture file with its placeholders filled in.
fn fill(path: &Path, names: &BTreeMap<String, String>) -> String {
    let text = fs::read_to_string(path).unwrap();
    let filled = names.iter().fold(text, |text, (name, value)| text.replace(&format!("@@{name}@@"), value));
    let rest = filled.find("@@").map(|at| &filled[at..filled.len().min(at + 80)]);
    assert_eq!(rest, None, "{}", path.display());
    filled
}

async fn load(sandbox: &Sandbox, database: Database, rows: String) {
    let url = sandbox.database();
    match database {
        Database::Sqlite => {
            private(&sandbox.home().join("devarch.db"), b"");
            let mut connection = SqliteConnection::connect(&url).await.unwrap();
            connection
                .execute(AssertSqlSafe(format!(
                    "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = OFF; {rows}"
                )))
                .await
                .unwrap();
            connection.close().await.unwrap();
        }
        Database::Postgres => {
            let mut connection = PgConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }
}

fn private(path: &Path, content: &[u8]) {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    std::io::Write::write_all(&mut file, content).unwrap();
}

/// Copies a directory recursively.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target: PathBuf = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
            // The mode of a checkout depends on the umask, but is part of a build context's hash.
            fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).unwrap();
        }
    }
}
