//! A volume keeps its secrets: an instance that reuses it logs in with the values it was last used with.

use crate::common::{Ran, Sandbox};
use devarch_core::engine::EngineKind;

/// A database, an application that logs in as its user, another with its own login, and data that needs a secret set
/// by the user.
const SHOP: &str = r#"
version: "1"
templates:
  client:
    image: postgres:17.2
    entrypoint: ["sleep", "1000"]
    stop_grace_period: 0s
    volumes: ["nothing:/var/lib/postgresql/data"]
    imports:
      - name: db
        type: postgres
        environment: { PGHOST: "{host}", PGPORT: "{port}", PGUSER: "{user}", PGPASSWORD: "{password}", PGDATABASE: "{database}" }
stacks:
  STACK:
    instances:
      db: { template: postgres }
      app: { template: client }
      own:
        template: client
        imports:
          - name: db
            type: postgres
            own: true
            environment: { PGHOST: "{host}", PGPORT: "{port}", PGUSER: "{user}", PGPASSWORD: "{password}", PGDATABASE: "{database}" }
      vault: { template: busybox, volumes: ["data:/data"], environment: { KEY: "k:${secret:KEY}" } }
"#;

impl Sandbox {
    fn psql(&self, instance: &str, sql: &str) -> String {
        let args = ["exec", &format!("STACK/{instance}"), "-T", "--", "psql", "-tAc", sql];
        self.ok_soon(&args).stdout.trim().to_owned()
    }

    /// Creates a table as the application's user and one as the consumer's.
    fn fill(&self) {
        for instance in ["app", "own"] {
            self.psql(instance, "CREATE TABLE kept (item text); INSERT INTO kept VALUES ('precious')");
        }
    }

    /// Both can still log in, and the secret is the one that was set.
    fn opens(&self, after: &Ran) {
        assert_eq!(self.psql("app", "SELECT item FROM kept"), "precious", "{after}");
        assert_eq!(self.psql("own", "SELECT item FROM kept"), "precious", "{after}");
        let key = ["exec", "STACK/vault", "-T", "--no-redact", "--", "sh", "-c", "echo $KEY"];
        assert_eq!(self.ok(&key).stdout, "k:hunter2\n", "{after}");
        self.ok(&["plan", "STACK", "--detailed-exitcode"]);
        for secret in ["hunter2", &self.password()] {
            assert!(!after.to_string().contains(secret), "{after}");
        }
    }

    fn password(&self) -> String {
        let shown = self.json(&["wire", "env", "STACK/app", "--reveal"]);
        shown["PGPASSWORD"].as_str().unwrap().to_owned()
    }
}

fn reused_data_opens_with_the_values_it_was_last_used_with(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    sandbox.define(SHOP);
    let set = sandbox.feed(b"hunter2", &["secret", "set", "STACK", "KEY"]);
    assert_eq!(set.code, 0, "{set}");
    sandbox.ok(&["up", "--yes"]);
    sandbox.fill();
    let password = sandbox.password();

    // A value that was never applied is not kept with the data.
    let later = sandbox.feed(b"hunter3", &["secret", "set", "STACK", "KEY"]);
    assert_eq!(later.code, 0, "{later}");
    sandbox.ok(&["down", "--yes"]);
    let deleted = sandbox.ok(&["stack", "delete", "STACK", "--yes"]);
    let kept = "devarch-STACK-db-data (secrets kept with it: POSTGRES_PASSWORD, login own_db)";
    assert!(deleted.stdout.contains(kept), "{deleted}");
    assert!(
        deleted.stdout.contains("devarch-STACK-vault-data (secrets kept with it: secret KEY)"),
        "{deleted}"
    );
    sandbox.ok(&["secret", "rotate-key"]);
    let again = sandbox.ok(&["up", "--yes", "--reuse-volumes"]);
    let note = "note: db takes over volume devarch-STACK-db-data with the data of 'STACK/db'; as last used with it: \
                POSTGRES_PASSWORD, login own_db";
    assert!(again.stderr.contains(note), "{again}");
    sandbox.opens(&again);
    assert_eq!(sandbox.password(), password);

    // The same for an instance that is removed and added again.
    sandbox.ok(&["instance", "remove", "STACK/db"]);
    sandbox.ok(&["instance", "add", "STACK/db", "postgres"]);
    sandbox.fails(5, &["apply", "STACK", "--yes"]);
    let added = sandbox.ok(&["apply", "STACK", "--reuse-volumes", "--yes"]);
    sandbox.opens(&added);
    assert_eq!(sandbox.password(), password);

    // The same for a lost home, as far as its containers still have the values.
    std::fs::rename(sandbox.home(), sandbox.home().with_extension("lost")).unwrap();
    for container in sandbox.wait(sandbox.engine().containers()).unwrap() {
        if container.name.as_str().starts_with(&format!("devarch-{}-", sandbox.stack)) {
            sandbox.wait(sandbox.engine().stop(&container.id, None)).unwrap();
        }
    }
    sandbox.ok(&["adopt", "STACK", "--yes"]);
    let adopted = sandbox.ok(&["up", "--yes", "--adopt-volumes"]);
    assert!(adopted.stderr.contains("with the data of 'STACK/db' of another home; as last"), "{adopted}");
    sandbox.opens(&adopted);
    assert_eq!(sandbox.password(), password);
}

#[test]
fn reused_data_opens_with_the_values_it_was_last_used_with_on_docker() {
    reused_data_opens_with_the_values_it_was_last_used_with(EngineKind::Docker);
}

#[test]
fn reused_data_opens_with_the_values_it_was_last_used_with_on_podman() {
    reused_data_opens_with_the_values_it_was_last_used_with(EngineKind::Podman);
}

/// The password in the definition differs from the data's, which is reported.
fn a_password_set_in_the_definition_wins_with_a_warning(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    let db = |environment: &str| {
        format!(
            "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
             db: {{template: busybox, volumes: [\"data:/data\"], environment: {{PASSWORD: {environment}}}}}\n"
        )
    };
    sandbox.write(&db("{generate: 20}"));
    sandbox.ok(&["up", "--yes"]);
    sandbox.ok(&["down", "--yes"]);
    sandbox.ok(&["stack", "delete", "STACK", "--yes"]);
    sandbox.write(&db("{value: hunter2, secret: true}"));
    let again = sandbox.ok(&["up", "--yes", "--reuse-volumes"]);
    let warning = "db.volumes: the definition has other values for PASSWORD than volume devarch-STACK-db-data was \
                   last used with";
    assert!(again.stderr.contains(warning), "{again}");
    let password = ["exec", "STACK/db", "-T", "--no-redact", "--", "sh", "-c", "echo $PASSWORD"];
    assert_eq!(sandbox.ok(&password).stdout, "hunter2\n");
}

#[test]
fn a_password_set_in_the_definition_wins_with_a_warning_on_docker() {
    a_password_set_in_the_definition_wins_with_a_warning(EngineKind::Docker);
}

#[test]
fn a_password_set_in_the_definition_wins_with_a_warning_on_podman() {
    a_password_set_in_the_definition_wins_with_a_warning(EngineKind::Podman);
}
