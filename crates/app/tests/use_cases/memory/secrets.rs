//! Secrets: where they are used, where they never appear, and what a lost key costs.

use crate::harness::{Command, Sandbox};
use devarch_app::PrepareOptions;

const SHOP: &str = r#"version: "1"
stacks:
  shop:
    secrets: {TOKEN: {generate: 32}, API_KEY: }
    instances:
      db:
        template: busybox
        command: [sh, -c, "sleep 1000"]
        environment: {PASSWORD: {generate: 20}, MARK: "0"}
        volumes: ["data:/data"]
      web:
        template: busybox
        command: [sh, -c, "sleep 1000"]
        environment: {TOKEN: "${secret:TOKEN}", KEY: "${secret:API_KEY}"}
"#;

const KEY: &str = "a key that the user set";
const DATA: &str = "devarch-shop-db-data";

async fn running() -> Sandbox {
    let sandbox = Sandbox::new().await;
    sandbox.import("shop", SHOP).await;
    sandbox.set_secret("shop", "API_KEY", KEY).await.unwrap();
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.engine.write_volume(DATA, "rows");
    sandbox
}

fn variable(sandbox: &Sandbox, instance: &str, name: &str) -> String {
    let request = sandbox.engine.request(&format!("devarch-shop-{instance}")).unwrap();
    request.spec.environment[name].reveal().to_owned()
}

/// Returns everything that was passed to the containers.
fn values(sandbox: &Sandbox) -> Vec<String> {
    [("db", "PASSWORD"), ("web", "TOKEN"), ("web", "KEY")]
        .map(|(of, name)| variable(sandbox, of, name))
        .to_vec()
}

#[tokio::test]
async fn a_missing_secret_creates_nothing() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap_err();
    assert!(sandbox.engine.changes().is_empty(), "{:?}", sandbox.engine.changes());
}

#[tokio::test]
async fn generated_values_survive_every_change_of_their_stack() {
    let sandbox = running().await;
    let first = values(&sandbox);
    assert_eq!((first[0].len(), first[1].len(), first[2].as_str()), (20, 32, KEY));
    let changed = SHOP.replace("MARK: \"0\"", "MARK: \"1\"").leak();
    for command in [Command::up(changed), Command::Rollback, Command::Down, Command::up(SHOP)] {
        sandbox.run("shop", command).await.unwrap();
        if sandbox.engine.request("devarch-shop-db").is_some() {
            assert_eq!(values(&sandbox), first);
        }
    }
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn no_secret_is_readable_in_the_store_in_plans_or_in_the_history() {
    let sandbox = running().await;
    sandbox.set_secret("shop", "API_KEY", "another key of the user").await.unwrap();
    let plan = sandbox.plan("shop").await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    let mut all = values(&sandbox);
    all.push(KEY.to_owned());
    let history = serde_json::to_string(&sandbox.history("shop").await).unwrap();
    let detail = serde_json::to_string(&sandbox.history_of("shop", None).await.unwrap()).unwrap();
    let status = serde_json::to_string(&sandbox.status("shop").await).unwrap();
    for value in &all {
        for (what, text) in [("plan", &plan), ("history", &history), ("steps", &detail), ("status", &status)]
        {
            assert!(!text.contains(value), "{what} shows {value}: {text}");
        }
        for (file, bytes) in sandbox.home_files() {
            let found = bytes.windows(value.len()).any(|window| window == value.as_bytes());
            assert!(!found, "{value} is in {}", file.display());
        }
    }
}

#[tokio::test]
async fn setting_a_secret_again_replaces_only_the_container_that_uses_it() {
    let sandbox = running().await;
    let before = sandbox.objects().await.containers;
    assert!(sandbox.set_secret("shop", "API_KEY", "another key of the user").await.unwrap());
    sandbox.run("shop", Command::apply()).await.unwrap();
    let after = sandbox.objects().await.containers;
    assert_eq!(before["devarch-shop-db"], after["devarch-shop-db"]);
    assert_ne!(before["devarch-shop-web"].id, after["devarch-shop-web"].id);
    assert_eq!(variable(&sandbox, "web", "KEY"), "another key of the user");
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn a_secret_in_use_is_not_removed() {
    let sandbox = running().await;
    sandbox.remove_secret("shop", "API_KEY").await.unwrap_err();
    assert_eq!(sandbox.secret("shop", "API_KEY").await.as_deref(), Some(KEY));
}

#[tokio::test]
async fn a_new_key_of_the_store_changes_no_value_and_replaces_no_container() {
    let mut sandbox = running().await;
    let (before, first) = (sandbox.objects().await, values(&sandbox));
    sandbox.rotate_key().await;
    assert_eq!(sandbox.plan("shop").await, None);
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!((sandbox.objects().await, values(&sandbox)), (before, first));
    assert_eq!(sandbox.secret("shop", "API_KEY").await.as_deref(), Some(KEY));
}

#[tokio::test]
async fn without_the_key_a_stack_can_be_stopped_started_and_taken_down_but_nothing_is_created() {
    let mut sandbox = running().await;
    sandbox.lose_key().await;
    assert_eq!(sandbox.secret("shop", "API_KEY").await, None);
    for command in [Command::Stop, Command::Start] {
        let before = sandbox.objects().await;
        sandbox.run("shop", command).await.unwrap();
        let ids = |objects: crate::harness::Objects| {
            objects.containers.into_values().map(|one| one.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(sandbox.objects().await), ids(before));
    }
    let before = sandbox.objects().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap_err();
    assert_eq!(sandbox.objects().await, before);
    sandbox.run("shop", Command::Down).await.unwrap();
    assert!(sandbox.objects().await.containers.is_empty());
    assert_eq!(sandbox.engine.volume_content(DATA), "rows");
}

#[tokio::test]
async fn an_existing_key_is_not_reset() {
    let mut sandbox = running().await;
    let first = values(&sandbox);
    assert!(sandbox.reset_key().await.is_err());
    assert_eq!(sandbox.plan("shop").await, None);
    assert_eq!(values(&sandbox), first);
}

#[tokio::test]
async fn a_reset_names_lost_values_regenerates_what_it_can_and_keeps_the_data() {
    let mut sandbox = running().await;
    let first = values(&sandbox);
    sandbox.lose_key().await;
    let loss = sandbox.reset_key().await.unwrap();
    let texts = |all: Vec<String>| all.join(", ");
    assert_eq!(texts(loss.unset.iter().map(ToString::to_string).collect()), "shop API_KEY");
    assert_eq!(loss.remade.len(), 2, "{loss:?}");
    assert_eq!(loss.replaced.iter().map(ToString::to_string).collect::<Vec<_>>(), ["shop"]);
    assert_eq!(loss.volumes.iter().map(|lost| lost.volume.to_string()).collect::<Vec<_>>(), [DATA]);
    let before = sandbox.objects().await;
    sandbox.run("shop", Command::apply()).await.unwrap_err();
    assert_eq!(sandbox.objects().await, before, "a value is missing");
    sandbox.set_secret("shop", "API_KEY", KEY).await.unwrap();
    sandbox.run("shop", Command::Apply(PrepareOptions::default())).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
    let second = values(&sandbox);
    assert!(first[0] != second[0] && first[1] != second[1] && second[2] == KEY, "{second:?}");
    let after = sandbox.objects().await;
    for (name, container) in &before.containers {
        assert_ne!(after.containers[name].id, container.id, "{name} is replaced once");
    }
    assert_eq!(after.volumes, before.volumes);
}
