//! Build contexts: which files count, which do not, and what is refused.

use crate::{
    harness::{Command, Sandbox, hints},
    stacks::shop,
};
use devarch_app::{ApplyError, ErrorKind, Failure, ImageOptions, OperationError, PrepareOptions};
use devarch_core::template::PullPolicy;
use std::{
    os::unix::fs::{PermissionsExt as _, symlink},
    path::PathBuf,
};

/// An instance built from the directory `app` of the project.
const API: &str = "api: {template: busybox, exports: [], image: \"me/api:1\", build: ./app}";

fn context(sandbox: &Sandbox) -> PathBuf {
    let context = sandbox.project().join("app");
    std::fs::create_dir_all(&context).unwrap();
    std::fs::write(context.join("Dockerfile"), "FROM busybox:1.37\n").unwrap();
    std::fs::write(context.join("main.rs"), "fn main() {}\n").unwrap();
    context
}

async fn built() -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::new().await;
    let context = context(&sandbox);
    sandbox.run("shop", Command::up(shop(&[API]))).await.unwrap();
    (sandbox, context)
}

fn builds(sandbox: &Sandbox) -> usize {
    sandbox.engine.changes().iter().filter(|call| call.starts_with("BuildImage")).count()
}

/// Returns whether a change of the context triggers a rebuild.
async fn triggers_build(change: impl Fn(&PathBuf)) -> bool {
    let (sandbox, context) = built().await;
    change(&context);
    sandbox.run("shop", Command::up(shop(&[API]))).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
    builds(&sandbox) == 2
}

#[tokio::test]
async fn changes_that_reach_the_engine_trigger_a_build() {
    let write = |name: &'static str, text: &'static str| {
        move |at: &PathBuf| std::fs::write(at.join(name), text).unwrap()
    };
    assert!(triggers_build(write("main.rs", "fn main() { }\n")).await, "another content");
    assert!(triggers_build(write("new.rs", "")).await, "another file");
    assert!(triggers_build(write("Dockerfile", "FROM busybox:1.37\nUSER 1\n")).await, "another instruction");
    assert!(triggers_build(|at| std::fs::create_dir(at.join("empty")).unwrap()).await, "an empty directory");
    assert!(triggers_build(|at| symlink("main.rs", at.join("link")).unwrap()).await, "a link");
    let mode = |at: &PathBuf| {
        std::fs::set_permissions(at.join("main.rs"), std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    assert!(triggers_build(mode).await, "another mode");
    assert!(triggers_build(|at| std::fs::remove_file(at.join("main.rs")).unwrap()).await, "a file less");
}

#[tokio::test]
async fn ignored_or_only_touched_files_trigger_no_build() {
    let rewrite = |at: &PathBuf| std::fs::write(at.join("main.rs"), "fn main() {}\n").unwrap();
    assert!(!triggers_build(rewrite).await, "the same content");
    let (sandbox, context) = built().await;
    std::fs::write(context.join(".dockerignore"), "target\n*.log\n").unwrap();
    sandbox.run("shop", Command::up(shop(&[API]))).await.unwrap();
    let before = builds(&sandbox);
    std::fs::create_dir(context.join("target")).unwrap();
    std::fs::write(context.join("target/x"), "x").unwrap();
    std::fs::write(context.join("debug.log"), "x").unwrap();
    sandbox.run("shop", Command::up(shop(&[API]))).await.unwrap();
    assert_eq!((builds(&sandbox), sandbox.plan("shop").await), (before, None));
}

#[tokio::test]
async fn a_missing_context_is_refused_with_a_hint() {
    let sandbox = Sandbox::new().await;
    let error = sandbox.run("shop", Command::up(shop(&[API]))).await.unwrap_err();
    let reported = error.to_string();
    assert!(
        reported.contains("app is not a directory on this machine; create it, or name another"),
        "{reported}"
    );
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(sandbox.engine.changes().is_empty());
}

#[tokio::test]
async fn an_unreadable_context_builds_nothing() {
    let (sandbox, context) = built().await;
    let before = sandbox.objects().await;
    std::fs::remove_file(context.join("Dockerfile")).unwrap();
    sandbox.run("shop", Command::up(shop(&[API]))).await.unwrap_err();
    assert_eq!((builds(&sandbox), sandbox.objects().await), (1, before));
}

#[tokio::test]
async fn identical_builds_of_several_instances_run_once() {
    let sandbox = Sandbox::new().await;
    context(&sandbox);
    let second = API.replace("api:", "job:").replace("me/job:1", "me/api:1");
    sandbox.run("shop", Command::up(shop(&[API, &second]))).await.unwrap();
    assert_eq!(builds(&sandbox), 1, "{:?}", sandbox.engine.changes());
    let images: std::collections::BTreeSet<_> =
        sandbox.objects().await.containers.into_values().map(|container| container.image_id).collect();
    assert_eq!(images.len(), 1);
}

#[tokio::test]
async fn an_image_is_rebuilt_on_request() {
    let (sandbox, _) = built().await;
    let images = ImageOptions { pull: None, build: true };
    let again = PrepareOptions { images, ..PrepareOptions::default() };
    sandbox.run("shop", Command::Up(shop(&[API]), again)).await.unwrap();
    assert_eq!(builds(&sandbox), 2);
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn a_requested_pull_skips_built_images() {
    let (sandbox, _) = built().await;
    let images = ImageOptions { pull: Some(PullPolicy::Missing), build: false };
    let missing = PrepareOptions { images, ..PrepareOptions::default() };
    sandbox.run("shop", Command::Up(shop(&[API]), missing)).await.unwrap();
    assert_eq!(builds(&sandbox), 1);
    assert!(!sandbox.engine.changes().iter().any(|call| call.starts_with("PullImage")));
}

#[tokio::test]
async fn a_failed_build_is_reported_with_its_instance_and_last_lines() {
    let sandbox = Sandbox::new().await;
    let context = context(&sandbox);
    std::fs::write(context.join("Dockerfile"), "FROM busybox:1.37\nRUN echo no compiler; exit 7\n").unwrap();
    let error = sandbox.run("shop", Command::up(shop(&[API]))).await.unwrap_err();
    let OperationError::Apply(ApplyError::Failed(failure)) = &error else { panic!("{error:?}") };
    assert!(matches!(failure.failure, Failure::Engine(_)), "{failure:?}");
    let reported = error.to_string();
    assert!(reported.contains("instance 'api'") && reported.contains("no compiler"), "{reported}");
    assert!(!sandbox.knows("shop").await, "nothing is saved");
    assert!(hints(&error).len() < 500);
}

#[tokio::test]
async fn a_secret_build_argument_is_used_but_never_shown() {
    let sandbox = Sandbox::new().await;
    context(&sandbox);
    let yml = |value: &str| -> &'static str {
        let build = format!("{{context: ./app, args: {{TOKEN: {{value: {value}, secret: true}}}}}}");
        shop(&[&API.replace("./app}", &format!("{build}}}"))])
    };
    sandbox.run("shop", Command::up(yml("hush-one"))).await.unwrap();
    let first = sandbox.objects().await.containers["devarch-shop-api"].image_id.clone();
    sandbox.import("shop", yml("hush-two")).await;
    let plan = sandbox.plan("shop").await.unwrap();
    assert!(!plan.contains("hush"), "{plan}");
    sandbox.run("shop", Command::up(yml("hush-two"))).await.unwrap();
    assert_ne!(sandbox.objects().await.containers["devarch-shop-api"].image_id, first);
    let history = serde_json::to_string(&sandbox.history("shop").await).unwrap();
    assert!(!history.contains("hush"), "{history}");
}

#[tokio::test]
async fn without_the_key_nothing_is_built() {
    let (mut sandbox, context) = built().await;
    std::fs::write(context.join("main.rs"), "other").unwrap();
    sandbox.lose_key().await;
    sandbox.run("shop", Command::apply()).await.unwrap_err();
    assert_eq!(builds(&sandbox), 1);
}
