//! Images on real engines: built from a directory, pulled by policy, and never another than was planned.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod common;

use common::World;
use devarch_core::{engine::EngineKind, id::ContainerId};
use devarch_testkit::outside;

macro_rules! on_both_engines {
    ($($name:ident)*) => {
        mod docker { $(#[test] fn $name() { super::with(super::EngineKind::Docker, super::$name); })* }
        mod podman { $(#[test] fn $name() { super::with(super::EngineKind::Podman, super::$name); })* }
    };
}

on_both_engines! {
    an_edited_source_replaces_exactly_what_is_built_from_it
    what_is_ignored_is_neither_sent_nor_a_change
    a_source_that_changed_is_built_also_within_an_apply
    a_build_that_fails_tells_its_step_and_last_lines_and_changes_nothing
    a_secret_argument_reaches_the_build_and_nobody_else
    an_inline_dockerfile_and_a_shared_image_are_built_once
    a_context_that_is_not_there_is_named_with_its_instance
    an_absent_image_is_not_pulled_where_it_may_not_be
    a_moved_tag_replaces_its_containers
    a_tag_is_looked_up_where_the_policy_or_the_run_says_always
    a_container_is_not_made_from_another_image_than_was_planned
}

fn with(kind: EngineKind, test: fn(&World)) {
    if let Some(world) = World::on(kind) {
        test(&world);
    }
}

/// Prints what is in `said`, and stays.
const DOCKERFILE: &str = "FROM busybox:1.37\nLABEL devarch.test=STACK\nCOPY . /app\nCMD [\"sleep\", \"1000\"]\nSTOPSIGNAL SIGKILL\n";

/// An API that is built, beside a database that is not.
const SHOP: &str = r#"
version: "1"
templates:
  api: {build: ./api}
stacks:
  STACK:
    instances:
      api: {template: api}
      db: {template: busybox}
"#;

impl World {
    fn put(&self, path: &str, text: &str) {
        let path = self.project().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.replace("STACK", &self.stack)).unwrap();
    }

    fn shop(&self) {
        self.write(SHOP);
        self.put("api/Dockerfile", DOCKERFILE);
        self.put("api/said", "one\n");
        self.ok(&["up", "--yes"]);
    }

    fn id(&self, instance: &str) -> ContainerId {
        let name = format!("devarch-{}-{instance}", self.stack);
        let all = self.wait(self.engine().containers()).unwrap();
        all.into_iter().find(|container| container.name.as_str() == name).unwrap().id
    }

    fn said(&self) -> String {
        self.ok(&["exec", "-T", "/api", "--", "cat", "/app/said"]).stdout
    }

    /// The name `name` of this test stands for what `image` does.
    fn tag(&self, image: &str, name: &str) -> String {
        let full = format!("devarch-{}-{name}", self.stack);
        let endpoint = self.engine().info().endpoint.clone();
        self.wait(outside::call(&endpoint, "POST", &format!("/images/{image}/tag?repo={full}&tag=1")));
        format!("{full}:1")
    }

    /// What a name of this test stands for.
    fn image(&self, name: &str) -> String {
        let reference = format!("devarch-{}-{name}", self.stack);
        self.wait(self.engine().image(&reference)).unwrap().unwrap().id.to_string()
    }
}

fn an_edited_source_replaces_exactly_what_is_built_from_it(world: &World) {
    world.shop();
    assert_eq!(world.said(), "one\n");
    world.ok(&["plan", "--detailed-exitcode"]);
    let (api, db) = (world.id("api"), world.id("db"));
    world.put("api/said", "two\n");
    let plan = world.fails(2, &["plan", "--detailed-exitcode"]);
    assert!(plan.stdout.contains("+   image devarch-STACK-api:latest: build, context changed\n"), "{plan}");
    assert!(plan.stdout.contains("-/+ api: replace, its image is built anew\n"), "{plan}");
    assert_eq!((world.id("api"), world.said()), (api.clone(), "one\n".to_owned()), "a plan changes nothing");
    let up = world.ok(&["up", "--yes"]);
    assert!(up.stderr.contains("-/+ api: replace, its image was built anew: context changed\n"), "{up}");
    assert_eq!(world.said(), "two\n");
    assert_ne!(world.id("api"), api);
    assert_eq!(world.id("db"), db);
    world.ok(&["plan", "--detailed-exitcode"]);
    let up = world.ok(&["up", "--yes"]);
    assert!(!up.stderr.contains("building"), "nothing changed: {up}");
    let up = world.ok(&["up", "--yes", "--build"]);
    assert!(up.stderr.contains("image devarch-STACK-api:latest: building\n"), "{up}");
}

fn what_is_ignored_is_neither_sent_nor_a_change(world: &World) {
    world.put("api/.dockerignore", "secret*\n");
    world.put("api/secret.txt", "one");
    world.shop();
    world.ok(&["exec", "-T", "/api", "--", "test", "!", "-e", "/app/secret.txt"]);
    world.put("api/secret.txt", "two");
    world.ok(&["plan", "--detailed-exitcode"]);
    world.put("api/Dockerfile", &format!("{DOCKERFILE}ENV A=1\n"));
    let plan = world.fails(2, &["plan", "--detailed-exitcode"]);
    assert!(plan.stdout.contains("build, Dockerfile changed\n"), "{plan}");
}

fn a_source_that_changed_is_built_also_within_an_apply(world: &World) {
    world.shop();
    world.put("api/said", "two\n");
    world.fails(5, &["restart"]);
    world.ok(&["restart", "--yes"]);
    assert_eq!(world.said(), "two\n");
    world.ok(&["plan", "--detailed-exitcode"]);
}

fn a_build_that_fails_tells_its_step_and_last_lines_and_changes_nothing(world: &World) {
    world.shop();
    let image = world.image("api:latest");
    let api = world.id("api");
    world.put("api/Dockerfile", &format!("{DOCKERFILE}RUN echo no compiler here; exit 7\n"));
    let failed = world.fails(1, &["up", "--yes"]);
    assert!(failed.stderr.contains("build devarch-STACK-api:latest failed"), "{failed}");
    assert!(failed.stderr.contains("RUN echo no compiler here; exit 7"), "{failed}");
    assert!(failed.stderr.contains("\nno compiler here"), "{failed}");
    assert!(failed.stderr.contains("Mend what it is built from"), "{failed}");
    assert_eq!((world.id("api"), world.said()), (api, "one\n".to_owned()));
    assert_eq!(world.image("api:latest"), image, "the name still stands for what runs");
    world.fails(2, &["plan", "--detailed-exitcode"]);
}

fn a_secret_argument_reaches_the_build_and_nobody_else(world: &World) {
    world.write(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      api: {template: busybox, exports: [], build: \
         {context: ., args: {TOKEN: {value: hunter2, secret: true}, MODE: dev}, target: app}}\n",
    );
    world.put(
        "Dockerfile",
        "FROM busybox:1.37 AS app\nLABEL devarch.test=STACK\nARG TOKEN\nARG MODE\n\
         RUN mkdir /app && echo $MODE ${#TOKEN} >/app/said\nFROM app AS never\nRUN exit 1\n",
    );
    let up = world.ok(&["up", "--yes"]);
    assert_eq!(world.said(), "dev 7\n");
    let plan = world.ok(&["plan", "--json"]);
    let config = world.ok(&["config", "/api", "--origin"]);
    assert!(config.stdout.contains("TOKEN: \"[REDACTED]\""), "{config}");
    let compose = world.ok(&["compose"]);
    assert!(compose.stdout.contains("TOKEN: ${TOKEN:?}"), "{compose}");
    world.put(
        "Dockerfile",
        "FROM busybox:1.37 AS app\nLABEL devarch.test=STACK\nARG TOKEN\nRUN echo $TOKEN; exit 1\n",
    );
    let failed = world.fails(1, &["up", "--yes"]);
    for ran in [&up, &plan, &config, &compose, &failed] {
        assert!(!format!("{ran}").contains("hunter2"), "{ran}");
    }
    world.ok(&["set", "/api", "build.args.TOKEN={value: hunter3, secret: true}"]);
    let plan = world.ok(&["plan"]);
    assert!(plan.stdout.contains("Dockerfile and arguments, target or platform changed"), "{plan}");
}

fn an_inline_dockerfile_and_a_shared_image_are_built_once(world: &World) {
    world.write(
        r#"
version: "1"
templates:
  app:
    build: {context: ./api, dockerfile_inline: "FROM busybox:1.37\nLABEL devarch.test=STACK\nCOPY said /app/said\n"}
    command: [sleep, "1000"]
    stop_signal: SIGKILL
stacks:
  STACK:
    instances:
      api: {template: app}
      worker: {template: app}
"#,
    );
    world.put("api/said", "inline\n");
    let up = world.ok(&["up", "--yes"]);
    assert_eq!(up.stderr.matches(": building\n").count(), 1, "{up}");
    assert_eq!(world.said(), "inline\n");
    world.ok(&["plan", "--detailed-exitcode"]);
}

fn a_context_that_is_not_there_is_named_with_its_instance(world: &World) {
    world.write(SHOP);
    let missing = world.fails(3, &["up", "--yes"]);
    assert!(missing.stderr.contains("api.build: its context $ROOT/project/api is no directory"), "{missing}");
    std::fs::create_dir(world.project().join("api")).unwrap();
    let empty = world.fails(3, &["plan"]);
    assert!(empty.stderr.contains("api.build: there is no Dockerfile in $ROOT/project/api"), "{empty}");
    std::os::unix::fs::symlink("/etc", world.project().join("linked")).unwrap();
    world.write(&SHOP.replace("./api", "./linked"));
    let refused = world.fails(3, &["plan"]);
    assert!(refused.stderr.contains("is /etc, which policy refuses"), "{refused}");
}

fn an_absent_image_is_not_pulled_where_it_may_not_be(world: &World) {
    world.write(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {template: busybox, image: \"nowhere/STACK:1\", \
         pull_policy: never}\n",
    );
    let refused = world.fails(5, &["up", "--yes"]);
    assert!(
        refused
            .stderr
            .contains("instance 'web': image nowhere/STACK:1 is not on the engine, and pull_policy is never"),
        "{refused}"
    );
}

fn a_moved_tag_replaces_its_containers(world: &World) {
    let image = world.tag("busybox:1.37", "moved");
    world.write(&format!(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {{template: busybox, image: \"{image}\", \
         exports: [], pull_policy: never}}\n      db: {{template: busybox}}\n"
    ));
    world.ok(&["up", "--yes"]);
    let (web, db) = (world.id("web"), world.id("db"));
    world.ok(&["plan", "--detailed-exitcode"]);
    world.tag("python:3.13-slim", "moved");
    let plan = world.fails(2, &["plan", "--detailed-exitcode"]);
    assert!(plan.stdout.contains("-/+ web: replace, its image's name now stands for sha256:"), "{plan}");
    world.ok(&["apply", "--yes"]);
    assert_ne!(world.id("web"), web);
    assert_eq!(world.id("db"), db);
    world.ok(&["plan", "--detailed-exitcode"]);
}

/// No registry has this image: looking its tag up fails, which shows that it was tried.
fn a_tag_is_looked_up_where_the_policy_or_the_run_says_always(world: &World) {
    let image = world.tag("busybox:1.37", "local");
    world.write(&format!(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {{template: busybox, image: \"{image}\", \
         exports: [], pull_policy: always}}\n"
    ));
    let failed = world.fails(1, &["up", "--yes"]);
    assert!(failed.stderr.contains("pull devarch-STACK-local:1 failed"), "{failed}");
    world.ok(&["up", "--yes", "--pull=never"]);
    let plan = world.ok(&["plan", "--detailed-exitcode"]);
    assert!(plan.stdout.contains("image devarch-STACK-local:1: known after pull"), "{plan}");
    world.ok(&["set", "/web", "pull_policy=missing"]);
    world.ok(&["apply", "--yes"]);
    world.fails(1, &["apply", "--yes", "--pull"]);
}

fn a_container_is_not_made_from_another_image_than_was_planned(world: &World) {
    let image = world.tag("busybox:1.37", "pinned");
    world.define(&format!(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {{template: busybox, image: \"{image}\", exports: []}}\n"
    ));
    let plan = world.json(&["plan"]);
    let id = plan["id"].as_str().unwrap();
    world.tag("python:3.13-slim", "pinned");
    let failed = world.fails(5, &["apply", id]);
    assert!(failed.stderr.contains("-pinned:1: assumed "), "{failed}");
    let name = format!("devarch-{}-web", world.stack);
    let all = world.wait(world.engine().containers()).unwrap();
    assert!(all.iter().all(|container| container.name.as_str() != name), "nothing is left of it");
}
