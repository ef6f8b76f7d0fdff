//! Deleting a stack forgets nothing that exists, and data that is taken over has the values it was last used with.

use crate::harness::{Command, End, World};
use devarch_app::PrepareOptions;
use devarch_core::name::PhysicalVolume;
use devarch_engine::{Engine as _, EngineErrorKind as Kind};
use devarch_testkit::{
    memory::{Call, Fault},
    proxy::Moment,
};

const SHOP: &str = r#"version: "1"
stacks:
  shop:
    instances:
      db:
        template: busybox
        command: [sh, -c, "sleep 1000"]
        environment: {PASSWORD: {generate: 20}}
        volumes: ["data:/data", "wal:/wal"]
        healthcheck: {test: "exit 0"}
"#;

const DATA: [&str; 2] = ["devarch-shop-db-data", "devarch-shop-db-wal"];

impl World {
    /// A stack that is down, with two volumes; and the password that they know.
    async fn with_data(&self) -> String {
        self.run("shop", Command::up(SHOP)).await.unwrap();
        let password = self.password();
        self.run("shop", Command::Down).await.unwrap();
        password
    }

    fn password(&self) -> String {
        let request = self.engine.request("devarch-shop-db").unwrap();
        request.spec.environment["PASSWORD"].reveal().to_owned()
    }

    /// The volumes of the stack that exist.
    async fn there(&self) -> Vec<String> {
        let volumes = self.engine.volumes().await.unwrap().into_keys();
        volumes.filter(|name| DATA.contains(&name.as_str())).collect()
    }

    /// The volumes that the store remembers, of the stack or as kept.
    async fn remembered(&self) -> Vec<String> {
        let stacks = self.app.store().stacks().await.unwrap();
        let instances = stacks.iter().flat_map(|stack| stack.instances.values());
        let volumes = instances.flat_map(|instance| instance.volumes.values());
        let mut names: Vec<String> = volumes.map(ToString::to_string).collect();
        let kept = self.app.store().kept_volumes().await.unwrap();
        names.extend(kept.into_iter().map(|kept| kept.physical.to_string()));
        names.sort();
        names
    }
}

fn reusing() -> Command {
    Command::Up(SHOP, PrepareOptions { reuse_volumes: true, ..PrepareOptions::default() })
}

/// Wherever it is killed.
#[tokio::test]
async fn a_deletion_that_was_killed_forgot_nothing_and_is_finished_by_the_same_command() {
    for nth in 1.. {
        for moment in [Moment::Before, Moment::After] {
            let mut world = World::new().await;
            world.with_data().await;
            let end = world.killed_at((nth, moment), "shop", Command::DeleteWithVolumes).await;
            if let End::Itself(ended) = end {
                ended.unwrap();
                assert!(nth > 2, "both volumes were removed");
                return;
            }
            let (there, remembered) = (world.there().await, world.remembered().await);
            assert!(there.iter().all(|volume| remembered.contains(volume)), "{there:?} {remembered:?}");
            world.run("shop", Command::DeleteWithVolumes).await.unwrap();
            assert_eq!(world.there().await, Vec::<String>::new(), "{moment:?} {nth}");
            assert_eq!(world.remembered().await, Vec::<String>::new(), "{moment:?} {nth}");
        }
    }
}

#[tokio::test]
async fn a_volume_that_can_not_be_removed_keeps_its_stack() {
    for volume in DATA {
        let world = World::new().await;
        world.with_data().await;
        world.engine.inject(Fault::refused(Call::RemoveVolume, volume, Kind::InUse));
        let refused = world.run("shop", Command::DeleteWithVolumes).await.unwrap_err();
        let words = format!("volume {volume} is in use by a container that the engine does not list");
        assert!(refused.to_string().contains(&words), "{refused}");
        assert_eq!(world.remembered().await, DATA, "{refused}");
        world.run("shop", Command::DeleteWithVolumes).await.unwrap();
        assert_eq!(world.there().await, Vec::<String>::new());
    }
}

/// Killed or not, as often as it takes.
#[tokio::test]
async fn data_that_is_taken_over_keeps_its_password_wherever_the_takeover_is_killed() {
    for nth in 1.. {
        for moment in [Moment::Before, Moment::After] {
            let mut world = World::new().await;
            let password = world.with_data().await;
            world.run("shop", Command::Delete).await.unwrap();
            assert_eq!(world.remembered().await, DATA);
            let end = world.killed_at((nth, moment), "shop", reusing()).await;
            let over = matches!(end, End::Itself(_));
            if !over {
                world.run("shop", reusing()).await.unwrap();
            }
            assert_eq!(world.password(), password, "{moment:?} {nth}");
            assert_eq!(world.plan("shop").await, None);
            assert_eq!(world.remembered().await, DATA, "nothing is kept of what is used");
            world.run("shop", Command::Down).await.unwrap();
            world.run("shop", Command::up(SHOP)).await.unwrap();
            assert_eq!(world.password(), password, "without being told again");
            if over {
                assert!(nth > 3);
                return;
            }
        }
    }
}

#[tokio::test]
async fn data_that_nobody_takes_over_leaves_a_new_stack_with_values_of_its_own() {
    let world = World::new().await;
    let password = world.with_data().await;
    world.run("shop", Command::Delete).await.unwrap();
    assert!(world.run("shop", Command::up(SHOP)).await.is_err(), "not unasked");
    for volume in DATA {
        world.engine.remove_volume(&PhysicalVolume::from_stored(volume)).await.unwrap();
    }
    world.run("shop", Command::up(SHOP)).await.unwrap();
    assert_ne!(world.password(), password);
    assert_eq!(world.remembered().await, DATA, "what was kept with volumes that are gone is gone");
}
