//! The catalog's commands for mongodb and minio, whose images are not available to the tests: they run in real
//! containers with test doubles of `mongosh` and `mc`, which hold users, databases and buckets, refuse what the real
//! ones refuse, and log their arguments.

use crate::common::Sandbox;
use devarch_core::{
    engine::EngineKind,
    read::{parse_yaml, read_template},
    template::Provision,
};

const MONGODB: &str = include_str!("../../../../catalog/mongodb.yaml");
const MINIO: &str = include_str!("../../../../catalog/minio.yaml");

/// Characters that are special in a shell, a JavaScript string or a file.
const HOSTILE: &str = r#"it's "$HOME" `id` \n & %s"#;

/// Evaluates scripts like `mongosh --eval`, with the methods that the catalog uses.
const MONGOSH: &str = r#"#!/usr/bin/env node
const fs = require("fs"), vm = require("vm"), assert = require("assert");
const script = process.argv.at(-1);
assert.deepStrictEqual(process.argv.slice(2, -1), ["--quiet", "--norc", "--host", "127.0.0.1", "--port", "27017", "--eval"]);
const file = "/tmp/mongo.json";
// Two consumers run at the same time.
for (;;) {
  try { fs.mkdirSync("/tmp/lock"); break; } catch { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5); }
}
process.on("exit", () => fs.rmdirSync("/tmp/lock"));
const state = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file)) : { users: {}, databases: {} };
let root = false;
const database = name => {
  const key = user => name + "." + user;
  const allowed = (user, there) => {
    if (!root) throw new Error("command requires authentication");
    if (there !== undefined && key(user) in state.users !== there) throw new Error("user " + key(user) + " exists: " + !there);
  };
  return {
    auth(user, pwd) {
      if (name !== "admin" || user !== "root" || pwd !== fs.readFileSync("/root-password", "utf8")) throw new Error("Authentication failed.");
      root = true;
      return { ok: 1 };
    },
    getUser: user => (allowed(user), state.users[key(user)] ?? null),
    createUser: ({ user, pwd, roles }) => { allowed(user, false); state.users[key(user)] = { pwd, roles }; },
    updateUser: (user, { pwd, roles }) => { allowed(user, true); state.users[key(user)] = { pwd, roles }; },
    dropUser: user => { allowed(user, true); delete state.users[key(user)]; return true; },
    dropDatabase: () => { allowed(); delete state.databases[name]; return { ok: 1, dropped: name }; },
  };
};
vm.runInNewContext(script, { db: { getSiblingDB: database }, process: { env: process.env } });
fs.writeFileSync(file, JSON.stringify(state));
fs.appendFileSync("/tmp/calls", process.argv.join(" ") + "\n");
"#;

/// Stores its state in files; reads keys from standard input if they are not given.
const MC: &str = r#"#!/bin/sh
set -eu
fail() { echo "mc: <ERROR> $*" >&2; exit 1; }
echo "$*" >>/tmp/calls
[ "$1" = --quiet ] || fail "prints progress"
shift
state=/tmp/minio
mkdir -p "$state/users" "$state/policies" "$state/attached" "$state/buckets"
[ "$1" = alias ] || [ -e "$MC_CONFIG_DIR/own" ] || fail "no alias own"
bucket=${*##*own/}
case "$*" in
"alias set own http://127.0.0.1:9000")
  IFS= read -r key; IFS= read -r secret
  [ "$key" = devarch ] && [ "$secret" = "$(cat /root-password)" ] || fail "The Access Key Id you provided does not exist."
  touch "$MC_CONFIG_DIR/own" ;;
"admin user add own")
  IFS= read -r key; IFS= read -r secret
  [ ${#secret} -ge 8 ] || fail "The secret key is invalid."
  printf %s "$secret" >"$state/users/$key" ;;
"admin user info own "*) [ -e "$state/users/$5" ] || fail "The specified user does not exist." ;;
"admin user remove own "*) rm "$state/users/$5" && rm -f "$state/attached/$5" ;;
"admin policy create own "*) cp "$6" "$state/policies/$5" ;;
"admin policy info own "*) [ -e "$state/policies/$5" ] || fail "The canned policy does not exist." ;;
"admin policy remove own "*) rm "$state/policies/$5" ;;
"admin policy attach own "*" --user "*)
  [ -e "$state/policies/$5" ] && [ -e "$state/users/$7" ] || fail "no such policy or user"
  [ ! -e "$state/attached/$7" ] || fail "Unable to make user/group policy association. The specified policy change is already in effect. (Specified policy update has no net effect)."
  echo "$5" >"$state/attached/$7" ;;
"mb --ignore-existing own/"*)
  case $bucket in *[!a-z0-9-]* | -* | *-) fail "Bucket name contains invalid characters" ;; esac
  mkdir -p "$state/buckets/$bucket" ;;
"stat own/"*) [ -d "$state/buckets/$bucket" ] || fail "Bucket does not exist" ;;
"rb --force own/"*) rm -r "$state/buckets/$bucket" ;;
*) fail "unknown: $*" ;;
esac
"#;

fn indented(by: usize, text: &str) -> String {
    let indent = " ".repeat(by);
    text.lines().flat_map(|line| [indent.as_str(), line, "\n"]).collect()
}

/// A provider with the catalog's exports and a double of its client, and two consumers.
fn project(catalog: &str, environment: &[&str], (path, double): (&str, &str), import: &str) -> String {
    let exports = indented(4, &catalog[catalog.find("exports:\n").unwrap()..]);
    let password = serde_json::to_string(HOSTILE).unwrap();
    let variables: Vec<String> = environment.iter().map(|name| format!("{name}: {password}")).collect();
    let variables = variables.join(", ");
    let double = indented(10, double);
    format!(
        r#"
version: "1"
templates:
  client:
    image: busybox:1.37
    command: ["sleep", "1000"]
    stop_grace_period: 0s
    imports:
      - {{ name: store, own: true, {import} }}
  server:
    image: node:22-slim
    command: ["sleep", "1000"]
    stop_grace_period: 0s
    environment: {{ MONGO_INITDB_ROOT_USERNAME: root, MINIO_ROOT_USER: devarch, {variables} }}
    config_files:
      /root-password: {{ content: {password} }}
      {path}:
        mode: "0755"
        content: |
{double}{exports}
stacks:
  STACK:
    instances: {{ one: {{template: client}}, one-x: {{template: client}}, server: {{template: server}} }}
"#
    )
}

fn provision(template: &str) -> Provision {
    let template = read_template(&parse_yaml(template).unwrap(), None).unwrap();
    template.exports.into_iter().find_map(|export| export.provision).unwrap()
}

impl Sandbox {
    fn on_server(&self, environment: &[String], command: &[String]) -> String {
        let mut args =
            vec!["exec".to_owned(), "STACK/server".to_owned(), "-T".to_owned(), "--no-redact".to_owned()];
        args.extend(environment.iter().flat_map(|variable| ["-e".to_owned(), variable.clone()]));
        args.push("--".to_owned());
        args.extend(command.iter().cloned());
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.ok(&args).stdout
    }

    fn shell(&self, script: &str) -> String {
        self.on_server(&[], &["sh".to_owned(), "-ec".to_owned(), script.to_owned()])
    }

    fn mongo(&self) -> serde_json::Value {
        serde_json::from_str(&self.shell("cat /tmp/mongo.json")).unwrap()
    }

    /// No argument of any call contained a password: every user of the machine can read arguments.
    fn no_call_shows(&self, password: &str) {
        let calls = self.shell("cat /tmp/calls");
        assert!(!calls.contains(password) && !calls.contains(HOSTILE), "{calls}");
    }
}

fn own(name: &str, bucket: &str) -> Vec<String> {
    let values = [("NAME", name), ("BUCKET", bucket), ("PASSWORD", HOSTILE)];
    values.map(|(key, value)| format!("PROVISION_{key}={value}")).to_vec()
}

fn mongodb_consumers_get_their_own_users_and_databases(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    let import = r#"type: mongodb, environment: { U: "{user}", P: "{password}", D: "{database}", S: "{auth_source}", URL: "{url}" }"#;
    let client = ("/usr/local/bin/mongosh", MONGOSH);
    let variables =
        ["MONGO_INITDB_ROOT_PASSWORD", "MONGO_INITDB_DATABASE", "MONGO_APP_USERNAME", "MONGO_APP_PASSWORD"];
    sandbox.write(&project(MONGODB, &variables, client, import));
    sandbox.ok(&["up", "--yes"]);
    let given = sandbox.json(&["wire", "env", "STACK/one", "--reveal"]);
    let password = given["P"].as_str().unwrap();
    for name in ["U", "D", "S"] {
        assert_eq!(given[name], "one_store");
    }
    let url = given["URL"].as_str().unwrap();
    assert!(url.starts_with(&format!("mongodb://one_store:{password}@")), "{url}");
    assert!(url.ends_with(":27017/one_store?authSource=one_store"), "{url}");
    let expected =
        |pwd: &str, name: &str| serde_json::json!({"pwd": pwd, "roles": [{"role": "dbOwner", "db": name}]});
    assert_eq!(sandbox.mongo()["users"]["one_store.one_store"], expected(password, "one_store"));
    assert_eq!(sandbox.mongo()["users"].as_object().unwrap().len(), 2);
    sandbox.no_call_shows(password);

    let Provision { command, remove } = provision(MONGODB);
    for _ in 0..2 {
        sandbox.on_server(&own("one_store", ""), &command);
        assert_eq!(sandbox.mongo()["users"]["one_store.one_store"], expected(HOSTILE, "one_store"));
    }
    sandbox.ok(&["instance", "remove", "STACK/one", "--drop-logins", "--yes"]);
    let users = sandbox.mongo()["users"].clone();
    assert_eq!(users.as_object().unwrap().keys().collect::<Vec<_>>(), ["one-x_store.one-x_store"]);
    sandbox.on_server(&own("one_store", ""), &remove.unwrap());
    sandbox.no_call_shows(password);
}

#[test]
fn mongodb_consumers_get_their_own_users_and_databases_on_docker() {
    mongodb_consumers_get_their_own_users_and_databases(EngineKind::Docker);
}

#[test]
fn mongodb_consumers_get_their_own_users_and_databases_on_podman() {
    mongodb_consumers_get_their_own_users_and_databases(EngineKind::Podman);
}

fn minio_consumers_get_their_own_users_and_buckets(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    let import = r#"type: s3, environment: { U: "{access_key}", P: "{secret_key}", B: "{bucket}" }"#;
    sandbox.write(&project(MINIO, &["MINIO_ROOT_PASSWORD"], ("/usr/local/bin/mc", MC), import));
    sandbox.ok(&["up", "--yes"]);
    let given = sandbox.json(&["wire", "env", "STACK/one-x", "--reveal"]);
    let password = given["P"].as_str().unwrap();
    assert_eq!([&given["U"], &given["B"]], ["one-x_store", "one--x-store"]);
    let state = "cd /tmp/minio; ls users buckets attached policies | xargs";
    assert_eq!(
        sandbox.shell(state).trim(),
        "attached: one-x_store one_store buckets: one--x-store one-store policies: one-x_store one_store users: one-x_store one_store"
    );
    assert_eq!(sandbox.shell("cat /tmp/minio/users/one-x_store"), password);
    let policy: serde_json::Value =
        serde_json::from_str(&sandbox.shell("cat /tmp/minio/policies/one-x_store")).unwrap();
    assert_eq!(
        policy["Statement"],
        serde_json::json!([{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::one--x-store", "arn:aws:s3:::one--x-store/*"]}])
    );
    sandbox.no_call_shows(password);

    let Provision { command, remove } = provision(MINIO);
    for _ in 0..2 {
        sandbox.on_server(&own("one-x_store", "one--x-store"), &command);
        assert_eq!(sandbox.shell("cat /tmp/minio/users/one-x_store"), HOSTILE);
    }
    sandbox.ok(&["instance", "remove", "STACK/one-x", "--drop-logins", "--yes"]);
    assert_eq!(
        sandbox.shell(state).trim(),
        "attached: one_store buckets: one-store policies: one_store users: one_store"
    );
    sandbox.on_server(&own("one-x_store", "one--x-store"), &remove.unwrap());
    assert_eq!(sandbox.shell("ls -d /tmp/tmp.* 2>/dev/null || true"), "", "no key is left in a file");
    sandbox.no_call_shows(password);
}

#[test]
fn minio_consumers_get_their_own_users_and_buckets_on_docker() {
    minio_consumers_get_their_own_users_and_buckets(EngineKind::Docker);
}

#[test]
fn minio_consumers_get_their_own_users_and_buckets_on_podman() {
    minio_consumers_get_their_own_users_and_buckets(EngineKind::Podman);
}
