//! Images on real engines: built from a directory, pulled by policy, and never another than was planned.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{World, pty::AtTerminal};
use devarch_core::{engine::EngineKind, id::ContainerId};
use devarch_testkit::outside;
use std::collections::BTreeSet;

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
    an_argument_that_changed_is_in_the_image_and_no_other_stacks_secret_is
    a_refused_up_has_built_nothing_and_moved_no_other_homes_tag
    a_declined_up_has_built_and_pulled_nothing
    the_name_beside_a_build_is_set_when_the_apply_has_succeeded
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

    /// What a name of this test stands for, if for anything.
    fn image(&self, name: &str) -> Option<String> {
        let reference = format!("devarch-{}-{name}", self.stack);
        self.wait(self.engine().image(&reference)).unwrap().map(|image| image.id.to_string())
    }

    /// The image that an instance's container is made from.
    fn image_of(&self, instance: &str) -> String {
        let id = self.id(instance);
        let all = self.wait(self.engine().containers()).unwrap();
        all.into_iter().find(|container| container.id == id).unwrap().image_id.to_string()
    }

    /// Every image and layer that was built for this test, with its names.
    fn built(&self) -> BTreeSet<String> {
        let filter = format!("%7B%22label%22%3A%5B%22devarch.test%3D{}%22%5D%7D", self.stack);
        let path = format!("/images/json?all=true&filters={filter}");
        let all = self.wait(outside::get(&self.engine().info().endpoint, &path));
        let all = all.as_array().unwrap().iter();
        all.map(|image| format!("{} {}", image["Id"], image["RepoTags"])).collect()
    }
}

fn an_edited_source_replaces_exactly_what_is_built_from_it(world: &World) {
    world.shop();
    assert_eq!(world.said(), "one\n");
    world.ok(&["plan", "--detailed-exitcode"]);
    let (api, db) = (world.id("api"), world.id("db"));
    world.put("api/said", "two\n");
    let plan = world.fails(2, &["plan", "--detailed-exitcode"]);
    assert!(plan.stdout.contains("+   image devarch-STACK-api:"), "{plan}");
    assert!(plan.stdout.contains("  will be built (context changed)\n"), "{plan}");
    assert!(plan.stdout.contains("-/+ api  will be replaced (its image will be rebuilt)\n"), "{plan}");
    assert_eq!((world.id("api"), world.said()), (api.clone(), "one\n".to_owned()), "a plan changes nothing");
    let up = world.ok(&["up", "--yes"]);
    assert!(up.stderr.contains("-/+ api  will be replaced (its image will be rebuilt)\n"), "{up}");
    assert!(!up.stderr.contains("more than was shown"), "{up}");
    assert_eq!(world.said(), "two\n");
    assert_ne!(world.id("api"), api);
    assert_eq!(world.id("db"), db);
    world.ok(&["plan", "--detailed-exitcode"]);
    let up = world.ok(&["up", "--yes"]);
    assert!(!up.stderr.contains("building"), "nothing changed: {up}");
    let up = world.ok(&["up", "--yes", "--build"]);
    assert!(up.stderr.contains(": known after build\n"), "{up}");
    assert!(up.stderr.contains(": building\n"), "{up}");
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
    assert!(plan.stdout.contains("  will be built (Dockerfile changed)\n"), "{plan}");
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
    let (built, image, api) = (world.built(), world.image_of("api"), world.id("api"));
    world.put("api/Dockerfile", &format!("{DOCKERFILE}RUN echo no compiler here; exit 7\n"));
    let failed = world.fails(1, &["up", "--yes"]);
    assert!(failed.stderr.contains("instance 'api': build devarch-STACK-api:"), "{failed}");
    assert!(failed.stderr.contains("RUN echo no compiler here; exit 7"), "{failed}");
    assert!(failed.stderr.contains("\nno compiler here"), "{failed}");
    assert!(failed.stderr.contains("help: fix the build"), "{failed}");
    assert_eq!((world.id("api"), world.said()), (api, "one\n".to_owned()));
    let named = |images: BTreeSet<String>| -> Vec<String> {
        images.into_iter().filter(|image| image.contains("-api:")).collect()
    };
    assert_eq!(world.image_of("api"), image);
    assert_eq!(named(world.built()), named(built), "the name still stands for what runs");
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
    assert!(
        missing.stderr.contains("api.build: its context $ROOT/project/api is not a directory"),
        "{missing}"
    );
    std::fs::create_dir(world.project().join("api")).unwrap();
    let empty = world.fails(3, &["plan"]);
    assert!(empty.stderr.contains("api.build: Dockerfile not found in $ROOT/project/api"), "{empty}");
    std::os::unix::fs::symlink("/etc", world.project().join("linked")).unwrap();
    world.write(&SHOP.replace("./api", "./linked"));
    let refused = world.fails(3, &["plan"]);
    assert!(refused.stderr.contains("which is /etc, is refused by policy"), "{refused}");
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
    assert!(plan.stdout.contains("-/+ web  will be replaced (its image tag is now sha256:"), "{plan}");
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

/// A base that takes an argument into its environment, and a stage on it: what is in the environment is shown.
const STAGED: &str = "FROM busybox:1.37 AS base\nLABEL devarch.test=STACK\nARG TOKEN=none\nENV SEEN=$TOKEN\n\
                      FROM base\nCMD [\"sleep\", \"1000\"]\nSTOPSIGNAL SIGKILL\n";

fn an_argument_that_changed_is_in_the_image_and_no_other_stacks_secret_is(world: &World) {
    let file = |first: &str, second: &str| {
        format!(
            "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      api: {{template: busybox, exports: [], build: \
             {{context: ., args: {{TOKEN: {{value: {first}, secret: true}}}}}}}}\n  STACK-b:\n    instances:\n      \
             api: {{template: busybox, exports: [], build: {{context: .{second}}}}}\n"
        )
    };
    // Backwards: a stack's secrets are masked in what its containers say.
    let seen = |stack: &str| {
        world.ok(&["exec", "-T", &format!("{stack}/api"), "--", "sh", "-c", "echo $SEEN | rev"]).stdout
    };
    world.put("Dockerfile", STAGED);
    world.put(".dockerignore", "devarch.yml\n");
    world.write(&file("hunter2", ", args: {TOKEN: plain}"));
    world.ok(&["up", "STACK", "--yes"]);
    world.ok(&["up", "STACK-b", "--yes"]);
    assert_eq!((seen("STACK"), seen("STACK-b")), ("2retnuh\n".to_owned(), "nialp\n".to_owned()));
    world.write(&file("hunter3", ""));
    world.ok(&["up", "STACK", "--yes"]);
    world.ok(&["up", "STACK-b", "--yes"]);
    assert_eq!((seen("STACK"), seen("STACK-b")), ("3retnuh\n".to_owned(), "enon\n".to_owned()));
    world.ok(&["plan", "STACK", "--detailed-exitcode"]);
}

fn a_refused_up_has_built_nothing_and_moved_no_other_homes_tag(world: &World) {
    world.shop();
    let (built, image) = (world.built(), world.image_of("api"));
    world.put("api/said", "the other home's\n");
    // Another home whose stack has the same name.
    let other = |args: &[&str]| {
        let mut command = world.command_at(&world.endpoint(), args);
        command.env("DEVARCH_HOME", world.home().with_file_name("other-home"));
        world.end(command.spawn().unwrap())
    };
    let refused = other(&["up", "--yes"]);
    assert_eq!(refused.code, 5, "{refused}");
    assert!(!refused.stderr.contains("building"), "{refused}");
    assert_eq!(world.built(), built);
    // Nor has one that is wrong in itself.
    world.write(
        &SHOP.replace("api: {template: api}", "api: {template: api, environment: {A: \"${secret:NOPE}\"}}"),
    );
    let wrong = world.run(&["up", "--yes"]);
    assert!(wrong.code != 0 && wrong.stderr.contains("NOPE"), "{wrong}");
    assert_eq!(world.built(), built);
    // Two homes that build the same have images of their own.
    world.write(SHOP);
    world.put("api/said", "one\n");
    let third = other(&["up", "--yes", "--as", "STACK-c"]);
    assert_eq!(third.code, 0, "{third}");
    assert_eq!(world.image_of("api"), image);
    world.ok(&["plan", "--detailed-exitcode"]);
    assert_eq!(other(&["down", "STACK-c", "--yes"]).code, 0);
}

fn a_declined_up_has_built_and_pulled_nothing(world: &World) {
    world.shop();
    let (built, api) = (world.built(), world.id("api"));
    world.put("api/said", "two\n");
    world.fails(5, &["up"]);
    world.fails(5, &["apply"]);
    assert_eq!(world.built(), built);
    let mut asked: AtTerminal = world.at_terminal((100, 40), &["up"]);
    asked.shows("  will be built (context changed)");
    asked.shows("Apply this to");
    asked.press("n\r");
    let declined = asked.end();
    assert!(declined.code != 0 && !declined.stdout.contains("building"), "{declined}");
    assert_eq!((world.built(), world.id("api")), (built, api));
    let mut agreed = world.at_terminal((100, 40), &["up"]);
    agreed.shows("Apply this to");
    agreed.press("y\r");
    let agreed = agreed.end();
    assert_eq!(agreed.code, 0, "{agreed}");
    assert!(!agreed.stdout.contains("more than was shown"), "{agreed}");
    assert_eq!(world.said(), "two\n");
    // What no registry has, and is wrong besides, is not even tried to be pulled.
    let absent = format!(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {{template: busybox, exports: [], \
         image: \"localhost:1/devarch-{}-none:1\"}}\n",
        world.stack
    );
    world.write(&absent);
    let declined = world.fails(5, &["up"]);
    assert!(declined.stderr.contains("known after pull"), "{declined}");
    assert!(!declined.stderr.contains("pull localhost:1/devarch-STACK-none:1 failed"), "{declined}");
}

fn the_name_beside_a_build_is_set_when_the_apply_has_succeeded(world: &World) {
    let file = |name: &str, more: &str| {
        let image = format!("devarch-{}-mine:{name}", world.stack);
        world.write(&format!(
            "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      api: {{template: busybox, exports: [], image: \
             \"{image}\", build: ./api}}\n      worker: {{template: busybox, exports: [], image: \"{image}\"{more}}}\n"
        ));
    };
    world.put("api/Dockerfile", "FROM busybox:1.37\nLABEL devarch.test=STACK\n");
    file("1", ", command: [\"false\"]");
    world.fails(1, &["up", "--yes"]);
    assert_eq!(world.image("mine:1"), None);
    file("1", "");
    world.ok(&["up", "--yes"]);
    let built = world.image_of("api");
    assert_eq!((world.image_of("worker"), world.image("mine:1")), (built.clone(), Some(built.clone())));
    // Whatever becomes of that name.
    world.tag("python:3.13-slim", "mine");
    world.ok(&["plan", "--detailed-exitcode"]);
    let api = world.id("api");
    file("2", "");
    world.ok(&["up", "--yes"]);
    assert_eq!((world.id("api"), world.image("mine:2")), (api, Some(built)));
    world.ok(&["plan", "--detailed-exitcode"]);
}
