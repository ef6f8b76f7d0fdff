//! Images on real engines: built from a directory, pulled by policy, and never other than planned.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Sandbox, pty::AtTerminal};
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
    an_edited_source_replaces_only_the_instances_built_from_it
    ignored_files_are_neither_sent_nor_a_change
    a_restart_builds_a_changed_source
    a_failed_build_reports_its_step_and_last_lines_and_changes_nothing
    a_secret_argument_reaches_only_the_build
    an_inline_dockerfile_and_a_shared_image_are_built_once
    a_missing_build_context_is_reported_with_its_instance
    a_missing_image_is_not_pulled_if_the_policy_is_never
    a_moved_tag_replaces_its_containers
    a_tag_is_checked_if_the_policy_or_the_flag_says_always
    a_container_is_created_only_from_the_planned_image
    a_changed_argument_reaches_the_image_and_secrets_of_other_stacks_do_not
    a_refused_up_builds_nothing_and_moves_no_tag_of_another_home
    a_declined_up_builds_and_pulls_nothing
    the_image_name_of_a_build_is_set_after_a_successful_apply
}

fn with(kind: EngineKind, test: fn(&Sandbox)) {
    if let Some(sandbox) = Sandbox::on(kind) {
        test(&sandbox);
    }
}

/// An image that contains `message` and keeps running.
const DOCKERFILE: &str = "FROM busybox:1.37\nLABEL devarch.test=STACK\nCOPY . /app\nCMD [\"sleep\", \"1000\"]\nSTOPSIGNAL SIGKILL\n";

/// `api` is built, `db` is not.
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

impl Sandbox {
    fn put(&self, path: &str, text: &str) {
        let path = self.project().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.replace("STACK", &self.stack)).unwrap();
    }

    fn shop(&self) {
        self.write(SHOP);
        self.put("api/Dockerfile", DOCKERFILE);
        self.put("api/message", "one\n");
        self.ok(&["up", "--yes"]);
    }

    fn id(&self, instance: &str) -> ContainerId {
        let name = format!("devarch-{}-{instance}", self.stack);
        let all = self.wait(self.engine().containers()).unwrap();
        all.into_iter().find(|container| container.name.as_str() == name).unwrap().id
    }

    fn message(&self) -> String {
        self.ok(&["exec", "-T", "/api", "--", "cat", "/app/message"]).stdout
    }

    /// Tags `image` with a name of this test.
    fn tag(&self, image: &str, name: &str) -> String {
        let full = format!("devarch-{}-{name}", self.stack);
        let endpoint = self.engine().info().endpoint.clone();
        self.wait(outside::call(&endpoint, "POST", &format!("/images/{image}/tag?repo={full}&tag=1")));
        format!("{full}:1")
    }

    /// The image that a name of this test refers to.
    fn image(&self, name: &str) -> Option<String> {
        let reference = format!("devarch-{}-{name}", self.stack);
        self.wait(self.engine().image(&reference)).unwrap().map(|image| image.id.to_string())
    }

    /// The image of an instance's container.
    fn image_of(&self, instance: &str) -> String {
        let id = self.id(instance);
        let all = self.wait(self.engine().containers()).unwrap();
        all.into_iter().find(|container| container.id == id).unwrap().image_id.to_string()
    }

    /// All images and layers built for this test, with their tags.
    fn built(&self) -> BTreeSet<String> {
        let filter = format!("%7B%22label%22%3A%5B%22devarch.test%3D{}%22%5D%7D", self.stack);
        let path = format!("/images/json?all=true&filters={filter}");
        let all = self.wait(outside::get(&self.engine().info().endpoint, &path));
        let all = all.as_array().unwrap().iter();
        all.map(|image| format!("{} {}", image["Id"], image["RepoTags"])).collect()
    }
}

fn an_edited_source_replaces_only_the_instances_built_from_it(sandbox: &Sandbox) {
    sandbox.shop();
    assert_eq!(sandbox.message(), "one\n");
    sandbox.ok(&["plan", "--detailed-exitcode"]);
    let (api, db) = (sandbox.id("api"), sandbox.id("db"));
    sandbox.put("api/message", "two\n");
    let plan = sandbox.fails(2, &["plan", "--detailed-exitcode"]);
    assert!(plan.stdout.contains("+   image devarch-STACK-api:"), "{plan}");
    assert!(plan.stdout.contains("  will be built (context changed)\n"), "{plan}");
    assert!(plan.stdout.contains("-/+ api  will be replaced (its image will be rebuilt)\n"), "{plan}");
    assert_eq!(
        (sandbox.id("api"), sandbox.message()),
        (api.clone(), "one\n".to_owned()),
        "a plan changes nothing"
    );
    let up = sandbox.ok(&["up", "--yes"]);
    assert!(up.stderr.contains("-/+ api  will be replaced (its image will be rebuilt)\n"), "{up}");
    assert!(!up.stderr.contains("more than was shown"), "{up}");
    assert_eq!(sandbox.message(), "two\n");
    assert_ne!(sandbox.id("api"), api);
    assert_eq!(sandbox.id("db"), db);
    sandbox.ok(&["plan", "--detailed-exitcode"]);
    let up = sandbox.ok(&["up", "--yes"]);
    assert!(!up.stderr.contains("building"), "nothing changed: {up}");
    let up = sandbox.ok(&["up", "--yes", "--build"]);
    assert!(up.stderr.contains(": known after build\n"), "{up}");
    assert!(up.stderr.contains(": building\n"), "{up}");
}

fn ignored_files_are_neither_sent_nor_a_change(sandbox: &Sandbox) {
    sandbox.put("api/.dockerignore", "secret*\n");
    sandbox.put("api/secret.txt", "one");
    sandbox.shop();
    sandbox.ok(&["exec", "-T", "/api", "--", "test", "!", "-e", "/app/secret.txt"]);
    sandbox.put("api/secret.txt", "two");
    sandbox.ok(&["plan", "--detailed-exitcode"]);
    sandbox.put("api/Dockerfile", &format!("{DOCKERFILE}ENV A=1\n"));
    let plan = sandbox.fails(2, &["plan", "--detailed-exitcode"]);
    assert!(plan.stdout.contains("  will be built (Dockerfile changed)\n"), "{plan}");
}

fn a_restart_builds_a_changed_source(sandbox: &Sandbox) {
    sandbox.shop();
    sandbox.put("api/message", "two\n");
    sandbox.fails(5, &["restart"]);
    sandbox.ok(&["restart", "--yes"]);
    assert_eq!(sandbox.message(), "two\n");
    sandbox.ok(&["plan", "--detailed-exitcode"]);
}

fn a_failed_build_reports_its_step_and_last_lines_and_changes_nothing(sandbox: &Sandbox) {
    sandbox.shop();
    let (built, image, api) = (sandbox.built(), sandbox.image_of("api"), sandbox.id("api"));
    sandbox.put("api/Dockerfile", &format!("{DOCKERFILE}RUN echo no compiler here; exit 7\n"));
    let failed = sandbox.fails(1, &["up", "--yes"]);
    assert!(failed.stderr.contains("instance 'api': build devarch-STACK-api:"), "{failed}");
    assert!(failed.stderr.contains("RUN echo no compiler here; exit 7"), "{failed}");
    assert!(failed.stderr.contains("\nno compiler here"), "{failed}");
    assert!(failed.stderr.contains("help: fix the build"), "{failed}");
    assert_eq!((sandbox.id("api"), sandbox.message()), (api, "one\n".to_owned()));
    let named = |images: BTreeSet<String>| -> Vec<String> {
        images.into_iter().filter(|image| image.contains("-api:")).collect()
    };
    assert_eq!(sandbox.image_of("api"), image);
    assert_eq!(named(sandbox.built()), named(built), "the name still stands for what runs");
    sandbox.fails(2, &["plan", "--detailed-exitcode"]);
}

fn a_secret_argument_reaches_only_the_build(sandbox: &Sandbox) {
    sandbox.write(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      api: {template: busybox, exports: [], build: \
         {context: ., args: {TOKEN: {value: hunter2, secret: true}, MODE: dev}, target: app}}\n",
    );
    sandbox.put(
        "Dockerfile",
        "FROM busybox:1.37 AS app\nLABEL devarch.test=STACK\nARG TOKEN\nARG MODE\n\
         RUN mkdir /app && echo $MODE ${#TOKEN} >/app/message\nFROM app AS never\nRUN exit 1\n",
    );
    let up = sandbox.ok(&["up", "--yes"]);
    assert_eq!(sandbox.message(), "dev 7\n");
    let plan = sandbox.ok(&["plan", "--json"]);
    let config = sandbox.ok(&["config", "/api", "--origin"]);
    assert!(config.stdout.contains("TOKEN: \"[REDACTED]\""), "{config}");
    let compose = sandbox.ok(&["compose"]);
    assert!(compose.stdout.contains("TOKEN: ${TOKEN:?}"), "{compose}");
    sandbox.put(
        "Dockerfile",
        "FROM busybox:1.37 AS app\nLABEL devarch.test=STACK\nARG TOKEN\nRUN echo $TOKEN; exit 1\n",
    );
    let failed = sandbox.fails(1, &["up", "--yes"]);
    for ran in [&up, &plan, &config, &compose, &failed] {
        assert!(!format!("{ran}").contains("hunter2"), "{ran}");
    }
    sandbox.ok(&["set", "/api", "build.args.TOKEN={value: hunter3, secret: true}"]);
    let plan = sandbox.ok(&["plan"]);
    assert!(plan.stdout.contains("Dockerfile and arguments, target or platform changed"), "{plan}");
}

fn an_inline_dockerfile_and_a_shared_image_are_built_once(sandbox: &Sandbox) {
    sandbox.write(
        r#"
version: "1"
templates:
  app:
    build: {context: ./api, dockerfile_inline: "FROM busybox:1.37\nLABEL devarch.test=STACK\nCOPY message /app/message\n"}
    command: [sleep, "1000"]
    stop_signal: SIGKILL
stacks:
  STACK:
    instances:
      api: {template: app}
      worker: {template: app}
"#,
    );
    sandbox.put("api/message", "inline\n");
    let up = sandbox.ok(&["up", "--yes"]);
    assert_eq!(up.stderr.matches(": building\n").count(), 1, "{up}");
    assert_eq!(sandbox.message(), "inline\n");
    sandbox.ok(&["plan", "--detailed-exitcode"]);
}

fn a_missing_build_context_is_reported_with_its_instance(sandbox: &Sandbox) {
    sandbox.write(SHOP);
    let missing = sandbox.fails(3, &["up", "--yes"]);
    assert!(
        missing.stderr.contains("api.build: its context $ROOT/project/api is not a directory"),
        "{missing}"
    );
    std::fs::create_dir(sandbox.project().join("api")).unwrap();
    let empty = sandbox.fails(3, &["plan"]);
    assert!(empty.stderr.contains("api.build: Dockerfile not found in $ROOT/project/api"), "{empty}");
    std::os::unix::fs::symlink("/etc", sandbox.project().join("linked")).unwrap();
    sandbox.write(&SHOP.replace("./api", "./linked"));
    let refused = sandbox.fails(3, &["plan"]);
    assert!(refused.stderr.contains("which is /etc, is refused by policy"), "{refused}");
}

fn a_missing_image_is_not_pulled_if_the_policy_is_never(sandbox: &Sandbox) {
    sandbox.write(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {template: busybox, image: \"nowhere/STACK:1\", \
         pull_policy: never}\n",
    );
    let refused = sandbox.fails(5, &["up", "--yes"]);
    assert!(
        refused
            .stderr
            .contains("instance 'web': image nowhere/STACK:1 is not on the engine, and pull_policy is never"),
        "{refused}"
    );
}

fn a_moved_tag_replaces_its_containers(sandbox: &Sandbox) {
    let image = sandbox.tag("busybox:1.37", "moved");
    sandbox.write(&format!(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {{template: busybox, image: \"{image}\", \
         exports: [], pull_policy: never}}\n      db: {{template: busybox}}\n"
    ));
    sandbox.ok(&["up", "--yes"]);
    let (web, db) = (sandbox.id("web"), sandbox.id("db"));
    sandbox.ok(&["plan", "--detailed-exitcode"]);
    sandbox.tag("python:3.13-slim", "moved");
    let plan = sandbox.fails(2, &["plan", "--detailed-exitcode"]);
    assert!(plan.stdout.contains("-/+ web  will be replaced (its image tag is now sha256:"), "{plan}");
    sandbox.ok(&["apply", "--yes"]);
    assert_ne!(sandbox.id("web"), web);
    assert_eq!(sandbox.id("db"), db);
    sandbox.ok(&["plan", "--detailed-exitcode"]);
}

/// No registry has this image, so a failed lookup shows that the tag was checked.
fn a_tag_is_checked_if_the_policy_or_the_flag_says_always(sandbox: &Sandbox) {
    let image = sandbox.tag("busybox:1.37", "local");
    sandbox.write(&format!(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {{template: busybox, image: \"{image}\", \
         exports: [], pull_policy: always}}\n"
    ));
    let failed = sandbox.fails(1, &["up", "--yes"]);
    assert!(failed.stderr.contains("pull devarch-STACK-local:1 failed"), "{failed}");
    sandbox.ok(&["up", "--yes", "--pull=never"]);
    let plan = sandbox.ok(&["plan", "--detailed-exitcode"]);
    assert!(plan.stdout.contains("image devarch-STACK-local:1: known after pull"), "{plan}");
    sandbox.ok(&["set", "/web", "pull_policy=missing"]);
    sandbox.ok(&["apply", "--yes"]);
    sandbox.fails(1, &["apply", "--yes", "--pull"]);
}

fn a_container_is_created_only_from_the_planned_image(sandbox: &Sandbox) {
    let image = sandbox.tag("busybox:1.37", "pinned");
    sandbox.define(&format!(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {{template: busybox, image: \"{image}\", exports: []}}\n"
    ));
    let plan = sandbox.json(&["plan"]);
    let id = plan["id"].as_str().unwrap();
    sandbox.tag("python:3.13-slim", "pinned");
    let failed = sandbox.fails(5, &["apply", id]);
    assert!(failed.stderr.contains("-pinned:1: assumed "), "{failed}");
    let name = format!("devarch-{}-web", sandbox.stack);
    let all = sandbox.wait(sandbox.engine().containers()).unwrap();
    assert!(all.iter().all(|container| container.name.as_str() != name), "nothing is left of it");
}

/// A base stage that stores a build argument in its environment, and a stage on top of it.
const STAGED: &str = "FROM busybox:1.37 AS base\nLABEL devarch.test=STACK\nARG TOKEN=none\nENV SEEN=$TOKEN\n\
                      FROM base\nCMD [\"sleep\", \"1000\"]\nSTOPSIGNAL SIGKILL\n";

fn a_changed_argument_reaches_the_image_and_secrets_of_other_stacks_do_not(sandbox: &Sandbox) {
    let file = |first: &str, second: &str| {
        format!(
            "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      api: {{template: busybox, exports: [], build: \
             {{context: ., args: {{TOKEN: {{value: {first}, secret: true}}}}}}}}\n  STACK-b:\n    instances:\n      \
             api: {{template: busybox, exports: [], build: {{context: .{second}}}}}\n"
        )
    };
    // Reversed, because the stack's secrets are masked in container output.
    let seen = |stack: &str| {
        sandbox.ok(&["exec", "-T", &format!("{stack}/api"), "--", "sh", "-c", "echo $SEEN | rev"]).stdout
    };
    sandbox.put("Dockerfile", STAGED);
    sandbox.put(".dockerignore", "devarch.yml\n");
    sandbox.write(&file("hunter2", ", args: {TOKEN: plain}"));
    sandbox.ok(&["up", "STACK", "--yes"]);
    sandbox.ok(&["up", "STACK-b", "--yes"]);
    assert_eq!((seen("STACK"), seen("STACK-b")), ("2retnuh\n".to_owned(), "nialp\n".to_owned()));
    sandbox.write(&file("hunter3", ""));
    sandbox.ok(&["up", "STACK", "--yes"]);
    sandbox.ok(&["up", "STACK-b", "--yes"]);
    assert_eq!((seen("STACK"), seen("STACK-b")), ("3retnuh\n".to_owned(), "enon\n".to_owned()));
    sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
}

fn a_refused_up_builds_nothing_and_moves_no_tag_of_another_home(sandbox: &Sandbox) {
    sandbox.shop();
    let (built, image) = (sandbox.built(), sandbox.image_of("api"));
    sandbox.put("api/message", "the other home's\n");
    // A second home whose stack has the same name.
    let other = |args: &[&str]| {
        let mut command = sandbox.command_at(&sandbox.endpoint(), args);
        command.env("DEVARCH_HOME", sandbox.home().with_file_name("other-home"));
        sandbox.end(command.spawn().unwrap())
    };
    let refused = other(&["up", "--yes"]);
    assert_eq!(refused.code, 5, "{refused}");
    assert!(!refused.stderr.contains("building"), "{refused}");
    assert_eq!(sandbox.built(), built);
    // An invalid definition builds nothing either.
    sandbox.write(
        &SHOP.replace("api: {template: api}", "api: {template: api, environment: {A: \"${secret:NOPE}\"}}"),
    );
    let wrong = sandbox.run(&["up", "--yes"]);
    assert!(wrong.code != 0 && wrong.stderr.contains("NOPE"), "{wrong}");
    assert_eq!(sandbox.built(), built);
    // Two homes with the same build have separate images.
    sandbox.write(SHOP);
    sandbox.put("api/message", "one\n");
    let third = other(&["up", "--yes", "--as", "STACK-c"]);
    assert_eq!(third.code, 0, "{third}");
    assert_eq!(sandbox.image_of("api"), image);
    sandbox.ok(&["plan", "--detailed-exitcode"]);
    assert_eq!(other(&["down", "STACK-c", "--yes"]).code, 0);
}

fn a_declined_up_builds_and_pulls_nothing(sandbox: &Sandbox) {
    sandbox.shop();
    let (built, api) = (sandbox.built(), sandbox.id("api"));
    sandbox.put("api/message", "two\n");
    sandbox.fails(5, &["up"]);
    sandbox.fails(5, &["apply"]);
    assert_eq!(sandbox.built(), built);
    let mut terminal: AtTerminal = sandbox.at_terminal((100, 40), &["up"]);
    terminal.shows("  will be built (context changed)");
    terminal.shows("Apply this to");
    terminal.press("n\r");
    let declined = terminal.end();
    assert!(declined.code != 0 && !declined.stdout.contains("building"), "{declined}");
    assert_eq!((sandbox.built(), sandbox.id("api")), (built, api));
    let mut agreed = sandbox.at_terminal((100, 40), &["up"]);
    agreed.shows("Apply this to");
    agreed.press("y\r");
    let agreed = agreed.end();
    assert_eq!(agreed.code, 0, "{agreed}");
    assert!(!agreed.stdout.contains("more than was shown"), "{agreed}");
    assert_eq!(sandbox.message(), "two\n");
    // The image does not exist in any registry, so a pull attempt would fail visibly.
    let absent = format!(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {{template: busybox, exports: [], \
         image: \"localhost:1/devarch-{}-none:1\"}}\n",
        sandbox.stack
    );
    sandbox.write(&absent);
    let declined = sandbox.fails(5, &["up"]);
    assert!(declined.stderr.contains("known after pull"), "{declined}");
    assert!(!declined.stderr.contains("pull localhost:1/devarch-STACK-none:1 failed"), "{declined}");
}

fn the_image_name_of_a_build_is_set_after_a_successful_apply(sandbox: &Sandbox) {
    let file = |name: &str, more: &str| {
        let image = format!("devarch-{}-mine:{name}", sandbox.stack);
        sandbox.write(&format!(
            "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      api: {{template: busybox, exports: [], image: \
             \"{image}\", build: ./api}}\n      worker: {{template: busybox, exports: [], image: \"{image}\"{more}}}\n"
        ));
    };
    sandbox.put("api/Dockerfile", "FROM busybox:1.37\nLABEL devarch.test=STACK\n");
    file("1", ", command: [\"false\"]");
    sandbox.fails(1, &["up", "--yes"]);
    assert_eq!(sandbox.image("mine:1"), None);
    file("1", "");
    sandbox.ok(&["up", "--yes"]);
    let built = sandbox.image_of("api");
    assert_eq!((sandbox.image_of("worker"), sandbox.image("mine:1")), (built.clone(), Some(built.clone())));
    // Moving the tag afterwards changes nothing.
    sandbox.tag("python:3.13-slim", "mine");
    sandbox.ok(&["plan", "--detailed-exitcode"]);
    let api = sandbox.id("api");
    file("2", "");
    sandbox.ok(&["up", "--yes"]);
    assert_eq!((sandbox.id("api"), sandbox.image("mine:2")), (api, Some(built)));
    sandbox.ok(&["plan", "--detailed-exitcode"]);
}
