//! Secrets: where they get to, where they never do, and what a lost key costs.

use crate::harness::{Command, World};
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

async fn running() -> World {
    let world = World::new().await;
    world.import("shop", SHOP).await;
    world.set_secret("shop", "API_KEY", KEY).await.unwrap();
    world.run("shop", Command::up(SHOP)).await.unwrap();
    world.engine.write_volume(DATA, "rows");
    world
}

fn variable(world: &World, instance: &str, name: &str) -> String {
    let request = world.engine.request(&format!("devarch-shop-{instance}")).unwrap();
    request.spec.environment[name].reveal().to_owned()
}

/// Everything that was given to the containers.
fn values(world: &World) -> Vec<String> {
    [("db", "PASSWORD"), ("web", "TOKEN"), ("web", "KEY")]
        .map(|(of, name)| variable(world, of, name))
        .to_vec()
}

#[tokio::test]
async fn a_secret_that_is_not_set_creates_nothing() {
    let world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap_err();
    assert!(world.engine.changes().is_empty(), "{:?}", world.engine.changes());
}

#[tokio::test]
async fn values_that_were_generated_stay_the_same_over_all_that_happens_to_their_stack() {
    let world = running().await;
    let first = values(&world);
    assert_eq!((first[0].len(), first[1].len(), first[2].as_str()), (20, 32, KEY));
    let changed = SHOP.replace("MARK: \"0\"", "MARK: \"1\"").leak();
    for command in [Command::up(changed), Command::Rollback, Command::Down, Command::up(SHOP)] {
        world.run("shop", command).await.unwrap();
        if world.engine.request("devarch-shop-db").is_some() {
            assert_eq!(values(&world), first);
        }
    }
    assert_eq!(world.plan("shop").await, None);
}

#[tokio::test]
async fn no_value_is_to_be_read_in_the_store_in_a_plan_or_in_the_history() {
    let world = running().await;
    world.set_secret("shop", "API_KEY", "another key of the user").await.unwrap();
    let plan = world.plan("shop").await.unwrap();
    world.run("shop", Command::apply()).await.unwrap();
    let mut all = values(&world);
    all.push(KEY.to_owned());
    let history = serde_json::to_string(&world.history("shop").await).unwrap();
    let detail = serde_json::to_string(&world.history_of("shop", None).await.unwrap()).unwrap();
    let status = serde_json::to_string(&world.status("shop").await).unwrap();
    for value in &all {
        for (what, text) in [("plan", &plan), ("history", &history), ("steps", &detail), ("status", &status)]
        {
            assert!(!text.contains(value), "{what} shows {value}: {text}");
        }
        for (file, bytes) in world.home_files() {
            let found = bytes.windows(value.len()).any(|window| window == value.as_bytes());
            assert!(!found, "{value} is in {}", file.display());
        }
    }
}

#[tokio::test]
async fn a_secret_that_is_set_again_replaces_only_the_container_that_has_it() {
    let world = running().await;
    let before = world.objects().await.containers;
    assert!(world.set_secret("shop", "API_KEY", "another key of the user").await.unwrap());
    world.run("shop", Command::apply()).await.unwrap();
    let after = world.objects().await.containers;
    assert_eq!(before["devarch-shop-db"], after["devarch-shop-db"]);
    assert_ne!(before["devarch-shop-web"].id, after["devarch-shop-web"].id);
    assert_eq!(variable(&world, "web", "KEY"), "another key of the user");
    assert_eq!(world.plan("shop").await, None);
}

#[tokio::test]
async fn a_secret_that_is_used_is_not_removed() {
    let world = running().await;
    world.remove_secret("shop", "API_KEY").await.unwrap_err();
    assert_eq!(world.secret("shop", "API_KEY").await.as_deref(), Some(KEY));
}

#[tokio::test]
async fn a_new_key_of_the_store_changes_no_value_and_replaces_nothing() {
    let mut world = running().await;
    let (before, first) = (world.objects().await, values(&world));
    world.rotate_key().await;
    assert_eq!(world.plan("shop").await, None);
    world.run("shop", Command::apply()).await.unwrap();
    assert_eq!((world.objects().await, values(&world)), (before, first));
    assert_eq!(world.secret("shop", "API_KEY").await.as_deref(), Some(KEY));
}

#[tokio::test]
async fn without_its_key_a_stack_is_stopped_started_and_taken_down_but_nothing_is_created() {
    let mut world = running().await;
    world.lose_key().await;
    assert_eq!(world.secret("shop", "API_KEY").await, None);
    for command in [Command::Stop, Command::Start] {
        let before = world.objects().await;
        world.run("shop", command).await.unwrap();
        let ids = |objects: crate::harness::Objects| {
            objects.containers.into_values().map(|one| one.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(world.objects().await), ids(before));
    }
    let before = world.objects().await;
    world.run("shop", Command::up(SHOP)).await.unwrap_err();
    assert_eq!(world.objects().await, before);
    world.run("shop", Command::Down).await.unwrap();
    assert!(world.objects().await.containers.is_empty());
    assert_eq!(world.engine.volume_content(DATA), "rows");
}

#[tokio::test]
async fn a_key_that_is_there_is_not_reset() {
    let mut world = running().await;
    let first = values(&world);
    assert!(world.reset_key().await.is_err());
    assert_eq!(world.plan("shop").await, None);
    assert_eq!(values(&world), first);
}

#[tokio::test]
async fn a_reset_names_what_is_lost_recreates_what_it_can_and_keeps_the_data() {
    let mut world = running().await;
    let first = values(&world);
    world.lose_key().await;
    let loss = world.reset_key().await.unwrap();
    let texts = |all: Vec<String>| all.join(", ");
    assert_eq!(texts(loss.unset.iter().map(ToString::to_string).collect()), "shop API_KEY");
    assert_eq!(loss.remade.len(), 2, "{loss:?}");
    assert_eq!(loss.replaced.iter().map(ToString::to_string).collect::<Vec<_>>(), ["shop"]);
    assert_eq!(loss.volumes.iter().map(|lost| lost.volume.to_string()).collect::<Vec<_>>(), [DATA]);
    let before = world.objects().await;
    world.run("shop", Command::apply()).await.unwrap_err();
    assert_eq!(world.objects().await, before, "a value is missing");
    world.set_secret("shop", "API_KEY", KEY).await.unwrap();
    world.run("shop", Command::Apply(PrepareOptions::default())).await.unwrap();
    assert_eq!(world.plan("shop").await, None);
    let second = values(&world);
    assert!(first[0] != second[0] && first[1] != second[1] && second[2] == KEY, "{second:?}");
    let after = world.objects().await;
    for (name, container) in &before.containers {
        assert_ne!(after.containers[name].id, container.id, "{name} is replaced once");
    }
    assert_eq!(after.volumes, before.volumes);
}
