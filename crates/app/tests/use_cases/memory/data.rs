//! Deleting a stack forgets no existing object, and reused data keeps the values it was last used with.

use crate::harness::{Command, End, Sandbox};
use devarch_app::PrepareOptions;
use devarch_core::name::PhysicalVolume;
use devarch_engine::{Engine as _, EngineErrorKind as Kind};
use devarch_testkit::{
    memory::{Call, Fault},
    proxy::Moment,
};
use std::time::Duration;

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

impl Sandbox {
    /// Creates a stack that is down, with two volumes; returns the password their data depends on.
    async fn set_up_data(&self) -> String {
        self.run("shop", Command::up(SHOP)).await.unwrap();
        let password = self.password();
        self.run("shop", Command::Down).await.unwrap();
        password
    }

    fn password(&self) -> String {
        let request = self.engine.request("devarch-shop-db").unwrap();
        request.spec.environment["PASSWORD"].reveal().to_owned()
    }

    /// Returns the stack's existing volumes.
    async fn existing_volumes(&self) -> Vec<String> {
        let volumes = self.engine.volumes().await.unwrap().into_keys();
        volumes.filter(|name| DATA.contains(&name.as_str())).collect()
    }
}

/// Returns each call, before and after the engine has received it.
fn kill_points() -> impl Iterator<Item = (usize, Moment)> {
    (1..).flat_map(|nth| [(nth, Moment::Before), (nth, Moment::After)])
}

fn reusing() -> Command {
    Command::Up(SHOP, PrepareOptions { reuse_volumes: true, ..PrepareOptions::default() })
}

/// Covers every point of a kill.
#[tokio::test]
async fn a_killed_deletion_forgets_nothing_and_can_be_repeated() {
    let mut sandbox = Sandbox::new().await;
    sandbox.set_up_data().await;
    let down = sandbox.save();
    for (nth, moment) in kill_points() {
        sandbox.restore(&down).await;
        let end = sandbox.killed_at((nth, moment), "shop", Command::DeleteWithVolumes).await;
        if let End::Itself(ended) = end {
            ended.unwrap();
            assert!(nth > 2, "both volumes were removed");
            return;
        }
        let (there, remembered) = (sandbox.existing_volumes().await, sandbox.remembered_volumes().await);
        assert!(there.iter().all(|volume| remembered.contains(volume)), "{there:?} {remembered:?}");
        sandbox.run("shop", Command::DeleteWithVolumes).await.unwrap();
        assert_eq!(sandbox.existing_volumes().await, Vec::<String>::new(), "{moment:?} {nth}");
        assert_eq!(sandbox.remembered_volumes().await, Vec::<String>::new(), "{moment:?} {nth}");
    }
}

#[tokio::test]
async fn a_stack_is_kept_if_a_volume_cannot_be_removed() {
    for volume in DATA {
        let sandbox = Sandbox::new().await;
        sandbox.set_up_data().await;
        sandbox.engine.inject(Fault::refused(Call::RemoveVolume, volume, Kind::InUse));
        let refused = sandbox.run("shop", Command::DeleteWithVolumes).await.unwrap_err();
        let words = format!("volume {volume} is in use by a container that the engine does not list");
        assert!(refused.to_string().contains(&words), "{refused}");
        assert_eq!(sandbox.remembered_volumes().await, DATA, "{refused}");
        sandbox.run("shop", Command::DeleteWithVolumes).await.unwrap();
        assert_eq!(sandbox.existing_volumes().await, Vec::<String>::new());
    }
}

/// Kills every attempt until one succeeds.
#[tokio::test]
async fn reused_data_keeps_its_password_even_after_kills() {
    let mut sandbox = Sandbox::new().await;
    let password = sandbox.set_up_data().await;
    sandbox.run("shop", Command::Delete).await.unwrap();
    assert_eq!(sandbox.remembered_volumes().await, DATA);
    let deleted = sandbox.save();
    for (nth, moment) in kill_points() {
        sandbox.restore(&deleted).await;
        let end = sandbox.killed_at((nth, moment), "shop", reusing()).await;
        sandbox.clock.advance(Duration::from_secs(31));
        let over = matches!(end, End::Itself(_));
        if !over {
            sandbox.run("shop", reusing()).await.unwrap();
        }
        assert_eq!(sandbox.password(), password, "{moment:?} {nth}");
        assert_eq!(sandbox.plan("shop").await, None);
        assert_eq!(sandbox.remembered_volumes().await, DATA, "nothing is kept of what is used");
        if over {
            assert!(nth > 3);
            break;
        }
    }
    sandbox.run("shop", Command::Down).await.unwrap();
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    assert_eq!(sandbox.password(), password, "without being told again");
}

#[tokio::test]
async fn a_new_stack_that_reuses_no_data_has_values_of_its_own() {
    let sandbox = Sandbox::new().await;
    let password = sandbox.set_up_data().await;
    sandbox.run("shop", Command::Delete).await.unwrap();
    assert!(sandbox.run("shop", Command::up(SHOP)).await.is_err(), "not unasked");
    for volume in DATA {
        sandbox.engine.remove_volume(&PhysicalVolume::from_stored(volume)).await.unwrap();
    }
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    assert_ne!(sandbox.password(), password);
    assert_eq!(sandbox.remembered_volumes().await, DATA, "what was kept with volumes that are gone is gone");
}
