//! Killed at every call that changes something, and what the next command makes of it.

use super::applies::{CHANGED, RUNNING, SHOP};
use crate::harness::{Command, End, Objects, World};
use devarch_app::list_locks;
use devarch_core::name::PhysicalVolume;
use devarch_engine::Engine as _;
use devarch_testkit::proxy::Moment;

const DATA: &str = "devarch-shop-db-data";

/// What is killed.
#[derive(Debug, Clone, Copy)]
enum Scenario {
    Create,
    Replace,
    Remove,
    /// Of a container that can neither run nor be started: Docker leaves one when it was killed itself.
    Heal,
}

/// What is done about it.
#[derive(Debug, Clone, Copy)]
enum Next {
    Resume,
    Undo,
    Down,
}

impl Scenario {
    async fn prepare(self, world: &World) {
        match self {
            Self::Create => {}
            Self::Replace | Self::Remove => {
                world.run("shop", Command::up(SHOP)).await.unwrap();
                world.engine.write_volume(DATA, "rows");
            }
            Self::Heal => {
                world.run("shop", Command::up(SHOP)).await.unwrap();
                world.engine.write_volume(DATA, "rows");
                world.engine.stick("devarch-shop-db");
            }
        }
    }

    fn command(self) -> Command {
        match self {
            Self::Create | Self::Heal => Command::up(SHOP),
            Self::Replace => Command::up(CHANGED),
            Self::Remove => Command::Down,
        }
    }
}

/// Kills the scenario's command at its first call, its second and so on, before the engine has heard of it and after, all
/// in one home.
async fn survives(scenario: Scenario, next: Next) {
    let mut world = World::new().await;
    for nth in 1.. {
        for moment in [Moment::Before, Moment::After] {
            scenario.prepare(&world).await;
            let before = world.objects().await;
            let end = world.killed_at((nth, moment), "shop", scenario.command()).await;
            let call = match end {
                End::Killed(call) => call,
                End::Itself(ended) => {
                    ended.unwrap();
                    assert!(nth > 5, "{scenario:?} made only {} calls", nth - 1);
                    return;
                }
            };
            let at = format!("{scenario:?} killed {moment:?} call {nth}, {call}; then {next:?}");
            match next {
                Next::Resume => resume(&world).await,
                Next::Undo => undo(&world, &before, &at).await,
                Next::Down => {
                    world.run("shop", Command::Down).await.unwrap();
                    assert!(is_down(&world.objects().await), "{at}");
                }
            }
            ends_well(&world, scenario, &at).await;
        }
    }
}

/// Killed before the apply had been written down there is nothing to resume.
async fn resume(world: &World) {
    if world.run("shop", Command::Resume).await.is_err() {
        world.run("shop", Command::apply()).await.unwrap();
    }
}

/// What had everything new ready has no way back, and says so.
async fn undo(world: &World, before: &Objects, at: &str) {
    if let Err(refused) = world.run("shop", Command::Undo).await {
        assert!(refused.to_string().contains("it cannot be undone"), "{at}: {refused}");
        return;
    }
    let now = world.objects().await;
    assert_eq!((&now.containers, &now.networks), (&before.containers, &before.networks), "{at}");
}

fn is_down(objects: &Objects) -> bool {
    objects.containers.is_empty() && objects.networks.is_empty()
}

/// The next apply ends in what is wanted, and nothing else is there.
async fn ends_well(world: &World, scenario: Scenario, at: &str) {
    world.run("shop", Command::apply()).await.unwrap();
    assert_eq!(world.plan("shop").await, None, "{at}");
    let now = world.objects().await;
    assert!(now.names().iter().eq(RUNNING) || is_down(&now), "{at}: {:?}", now.names());
    assert!(list_locks(&world.app).await.unwrap().is_empty(), "{at}");
    match scenario {
        Scenario::Create => {
            world.run("shop", Command::Down).await.unwrap();
            world.run("shop", Command::Delete).await.unwrap();
            world.engine.remove_volume(&PhysicalVolume::from_stored(DATA)).await.unwrap();
        }
        Scenario::Replace | Scenario::Remove | Scenario::Heal => {
            assert_eq!(world.engine.volume_content(DATA), "rows", "{at}");
        }
    }
}

macro_rules! survives {
    ($($name:ident: $scenario:ident $next:ident)*) => {
        $(#[tokio::test]
        async fn $name() {
            survives(Scenario::$scenario, Next::$next).await;
        })*
    };
}

survives! {
    a_creation_killed_at_any_call_can_be_finished: Create Resume
    a_creation_killed_at_any_call_can_be_undone: Create Undo
    a_creation_killed_at_any_call_can_be_taken_down: Create Down
    a_replacement_killed_at_any_call_can_be_finished: Replace Resume
    a_replacement_killed_at_any_call_can_be_undone: Replace Undo
    a_replacement_killed_at_any_call_can_be_taken_down: Replace Down
    a_removal_killed_at_any_call_can_be_finished: Remove Resume
    a_removal_killed_at_any_call_can_be_undone: Remove Undo
    a_removal_killed_at_any_call_can_be_taken_down: Remove Down
    a_replacement_of_what_cannot_start_killed_at_any_call_can_be_finished: Heal Resume
    a_replacement_of_what_cannot_start_killed_at_any_call_can_be_undone: Heal Undo
    a_replacement_of_what_cannot_start_killed_at_any_call_can_be_taken_down: Heal Down
}
