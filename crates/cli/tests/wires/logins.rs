//! Logins on real servers: each consumer sees only its own data, and logins are removed with it on request.

use crate::common::{Ran, Sandbox};
use devarch_core::engine::EngineKind;

/// Two consumers of one server, each with its own user and database.
const OWN: &str = r#"
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
        own: true
        environment: { PGHOST: "{host}", PGPORT: "{port}", PGUSER: "{user}", PGPASSWORD: "{password}", PGDATABASE: "{database}" }
stacks:
  STACK:
    instances:
      db: { template: postgres }
      one: { template: client }
      two: { template: client }
"#;

fn query(sandbox: &Sandbox, instance: &str, sql: &str) -> String {
    sandbox
        .ok_soon(&["exec", &format!("STACK/{instance}"), "-T", "--", "psql", "-tAc", sql])
        .stdout
        .trim()
        .to_owned()
}

fn each_consumer_has_its_own_user_and_database(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    sandbox.write(OWN);
    sandbox.ok(&["up", "--yes"]);
    assert_eq!(query(&sandbox, "one", "SELECT current_user || ' ' || current_database()"), "one_db one_db");
    query(&sandbox, "one", "CREATE TABLE mine (item text)");
    let theirs = ["exec", "STACK/two", "-T", "--", "psql", "-d", "one_db", "-tAc", "SELECT 1"];
    sandbox.refused(&theirs, "permission denied");
    sandbox.ok(&["apply", "STACK", "--replace", "one", "--replace", "db", "--yes"]);
    assert_eq!(
        query(&sandbox, "one", "SELECT count(*) FROM mine"),
        "0",
        "a second run keeps the existing data"
    );
    let shown = sandbox.ok(&["plan", "STACK", "--replace", "one", "--json"]);
    assert!(shown.stdout.contains("PROVISION_NAME"), "{shown}");
    let password = sandbox.json(&["wire", "env", "STACK/one", "--reveal"])["PGPASSWORD"].clone();
    assert!(!shown.to_string().contains(password.as_str().unwrap()), "{shown}");
}

#[test]
fn each_consumer_has_its_own_user_and_database_on_docker() {
    each_consumer_has_its_own_user_and_database(EngineKind::Docker);
}

#[test]
fn each_consumer_has_its_own_user_and_database_on_podman() {
    each_consumer_has_its_own_user_and_database(EngineKind::Podman);
}

/// The same for `mariadb`.
const OWN_MARIADB: &str = r#"
version: "1"
templates:
  client:
    image: mariadb:11.4
    entrypoint: ["sleep", "1000"]
    stop_grace_period: 0s
    volumes: ["nothing:/var/lib/mysql"]
    imports:
      - { name: db, type: mysql, own: true, environment: { H: "{host}", U: "{user}", MYSQL_PWD: "{password}", D: "{database}" } }
stacks:
  STACK:
    instances: { db: {template: mariadb}, one: {template: client}, one-x: {template: client} }
"#;

fn mariadb_consumers_get_their_own_logins(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    sandbox.write(OWN_MARIADB);
    sandbox.ok(&["up", "--yes"]);
    let query = |sql: &str| format!("mariadb -h $H -u $U -N -e \"{sql}\"");
    let made = query("USE one_db; CREATE TABLE mine (item int); SELECT current_user()");
    let who = sandbox.ok_soon(&["exec", "STACK/one", "-T", "--", "sh", "-c", &made]);
    assert_eq!(who.stdout.trim(), "one_db@%", "{who}");
    sandbox.refused(&["exec", "STACK/one-x", "-T", "--", "sh", "-c", &query("USE one_db")], "Access denied");
    let removed = remove(&sandbox, &["STACK/one", "--drop-logins", "--yes"]);
    assert_eq!(removed.code, 0, "{removed}");
    let sql = "SHOW DATABASES LIKE 'one%'; SELECT user FROM mysql.user WHERE user LIKE 'one%'";
    let root = format!("MYSQL_PWD=$MARIADB_ROOT_PASSWORD mariadb -u root -N -e \"{sql}\"");
    let left = sandbox.ok(&["exec", "STACK/db", "-T", "--", "sh", "-c", &root]).stdout;
    assert_eq!(left.split_whitespace().collect::<Vec<_>>(), ["one-x_db", "one-x_db"]);
}

#[test]
fn mariadb_consumers_get_their_own_logins_on_docker() {
    mariadb_consumers_get_their_own_logins(EngineKind::Docker);
}

#[test]
fn mariadb_consumers_get_their_own_logins_on_podman() {
    mariadb_consumers_get_their_own_logins(EngineKind::Podman);
}

/// The same for `rabbitmq`, where the database is a virtual host.
const OWN_RABBITMQ: &str = r#"
version: "1"
templates:
  client:
    image: rabbitmq:4.0.5-management
    entrypoint: ["sleep", "1000"]
    stop_grace_period: 0s
    volumes: ["nothing:/var/lib/rabbitmq"]
    imports:
      - { name: mq, type: amqp, own: true, environment: { H: "{host}", P: "{password}", U: "{user}", V: "{vhost}" } }
stacks:
  STACK:
    instances: { mq: {template: rabbitmq}, one: {template: client}, one-x: {template: client} }
"#;

fn rabbitmq_consumers_get_their_own_logins(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    sandbox.write(OWN_RABBITMQ);
    sandbox.ok(&["up", "--yes"]);
    let command = |tool: &str, vhost: &str, rest: &str| {
        format!("{tool} -s $H --username $U --password $P --vhost {vhost} {rest}")
    };
    let works = |instance: &str, tool: &str, rest: &str| {
        let command = command(tool, "$V", rest);
        let args = ["exec", &format!("STACK/{instance}"), "-T", "--", "sh", "-c", &command];
        sandbox.ok_soon(&args).stdout
    };
    for instance in ["one", "one-x"] {
        works(instance, "amqp-declare-queue", "-d -q mail");
        works(instance, "amqp-publish", &format!("-r mail -p -b 'of {instance}'"));
    }
    for other in ["one-x_mq", "/"] {
        let get = command("amqp-get", other, "-q mail");
        sandbox.refused(&["exec", "STACK/one", "-T", "--", "sh", "-c", &get], "access to vhost");
    }
    sandbox.ok(&["apply", "STACK", "--replace", "one", "--yes"]);
    assert_eq!(works("one", "amqp-get", "-q mail"), "of one", "a second run keeps the existing data");
    assert_eq!(works("one-x", "amqp-get", "-q mail"), "of one-x");
    let removed = remove(&sandbox, &["STACK/one", "--drop-logins", "--yes"]);
    assert_eq!(removed.code, 0, "{removed}");
    let left = "rabbitmqctl -s list_vhosts name; rabbitmqctl -s list_users | cut -f 1";
    let left = sandbox.ok(&["exec", "STACK/mq", "-T", "--", "sh", "-c", left]).stdout;
    let mut left: Vec<&str> = left.split_whitespace().collect();
    left.sort_unstable();
    assert_eq!(left, ["/", "devarch", "one-x_mq", "one-x_mq"]);
}

#[test]
fn rabbitmq_consumers_get_their_own_logins_on_docker() {
    rabbitmq_consumers_get_their_own_logins(EngineKind::Docker);
}

#[test]
fn rabbitmq_consumers_get_their_own_logins_on_podman() {
    rabbitmq_consumers_get_their_own_logins(EngineKind::Podman);
}

/// Databases and users of that name on the server.
fn left(sandbox: &Sandbox, login: &str) -> String {
    let sql = format!(
        "SELECT (SELECT count(*) FROM pg_database WHERE datname = '{login}') || ' '
             || (SELECT count(*) FROM pg_roles WHERE rolname = '{login}')"
    );
    let psql = format!("psql -U $POSTGRES_USER -d $POSTGRES_DB -tAc \"{sql}\"");
    sandbox.ok(&["exec", "STACK/db", "-T", "--", "sh", "-c", &psql]).stdout.trim().to_owned()
}

fn remove(sandbox: &Sandbox, options: &[&str]) -> Ran {
    sandbox.run(&[&["instance", "remove"][..], options].concat())
}

fn logins_are_removed_with_their_consumer_on_request(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    sandbox.write(OWN);
    sandbox.ok(&["up", "--yes"]);
    query(&sandbox, "one", "CREATE TABLE mine (item text)");

    let unasked = remove(&sandbox, &["STACK", "one", "--drop-logins"]);
    assert!(unasked.code != 0 && unasked.stderr.contains("  one_db on db.db"), "{unasked}");
    sandbox.ok(&["stop", "STACK/db", "--yes"]);
    let stopped = remove(&sandbox, &["STACK", "one", "--drop-logins", "--yes"]);
    assert!(
        stopped.code != 0 && stopped.stderr.contains("'STACK/db' is not running; `devarch start"),
        "{stopped}"
    );
    sandbox.ok(&["start", "STACK/db", "--yes"]);
    sandbox.ok(&["instance", "show", "STACK/one"]);
    assert_eq!(left(&sandbox, "one_db"), "1 1", "nothing was done by halves");

    // An open connection does not keep the database.
    let sleep = "psql -qc 'SELECT pg_sleep(600)' >/dev/null 2>&1 &";
    sandbox.ok(&["exec", "STACK/one", "-T", "--", "sh", "-c", sleep]);
    let dropped = remove(&sandbox, &["STACK", "one", "--drop-logins", "--yes"]);
    assert_eq!(dropped.code, 0, "{dropped}");
    assert!(!dropped.stderr.contains("databases are kept"), "{dropped}");
    assert_eq!(left(&sandbox, "one_db"), "0 0");
    assert_eq!(left(&sandbox, "two_db"), "1 1", "another's stays");

    let kept = remove(&sandbox, &["STACK", "two"]);
    assert!(
        kept.code == 0
            && kept.stderr.contains("its logins and their databases are kept")
            && kept.stderr.contains("  two_db on db.db"),
        "{kept}"
    );
    assert_eq!(left(&sandbox, "two_db"), "1 1");
    // The login is declared again, so it is reused and can be removed after all.
    sandbox.ok(&["up", "--reuse-volumes", "--yes"]);
    assert_eq!(query(&sandbox, "two", "SELECT current_database()"), "two_db");
    assert_eq!(remove(&sandbox, &["STACK/two", "--drop-logins", "--yes"]).code, 0);
    assert_eq!(left(&sandbox, "two_db"), "0 0");
}

#[test]
fn logins_are_removed_with_their_consumer_on_request_on_docker() {
    logins_are_removed_with_their_consumer_on_request(EngineKind::Docker);
}

#[test]
fn logins_are_removed_with_their_consumer_on_request_on_podman() {
    logins_are_removed_with_their_consumer_on_request(EngineKind::Podman);
}
