//! Edits of what is stored: they change nothing on the engine until they are applied, and nothing at all where they are
//! refused.

use crate::{
    harness::{Command, World},
    stacks::{SHOP, WITHOUT_WEB},
    strangers::Strangers,
};
use devarch_app::{Conflict, ErrorKind, NotFound, OperationError};
use devarch_core::port::{HostSocket, Protocol};
use std::collections::BTreeSet;

const DB: &str = "devarch-shop-db";
const DATA: &str = "devarch-shop-db-data";

async fn running() -> World {
    let world = World::new().await;
    world.run("shop", Command::up(SHOP)).await.unwrap();
    world.engine.write_volume(DATA, "rows");
    world
}

async fn host_ports(world: &World, stack: &str) -> BTreeSet<u16> {
    let status = world.status(stack).await;
    status.instances.iter().flat_map(|instance| &instance.ports).map(|port| port.host.port()).collect()
}

#[tokio::test]
async fn an_edit_changes_nothing_that_runs_until_it_is_applied() {
    let world = running().await;
    let (before, made) = (world.objects().await, world.engine.changes());
    world.run("shop", Command::Set("db", "environment.MARK", "5")).await.unwrap();
    world.run("shop", Command::Set("web", "ports.80", "18080")).await.unwrap();
    assert_eq!(world.objects().await, before);
    assert_eq!(world.engine.changes(), made);
    let plan = world.plan("shop").await.unwrap();
    assert!(plan.contains("db.environment.MARK") && plan.contains("18080"), "{plan}");
    world.run("shop", Command::apply()).await.unwrap();
    assert_eq!(world.engine.request(DB).unwrap().spec.environment["MARK"].reveal(), "5");
    assert!(host_ports(&world, "shop").await.contains(&18080));
}

#[tokio::test]
async fn a_field_that_is_taken_back_is_what_the_template_says() {
    let world = running().await;
    world.run("shop", Command::Set("web", "stop_grace_period", "9s")).await.unwrap();
    assert!(world.plan("shop").await.is_some());
    world.unset("shop", "web", "stop_grace_period").await.unwrap();
    assert_eq!(world.plan("shop").await, None);
}

#[tokio::test]
async fn an_edit_that_is_wrong_is_refused_as_a_whole() {
    let world = running().await;
    for (field, value) in
        [("colour", "red"), ("ports.80", "99999"), ("healthcheck.interval", "often"), ("image", "[1]")]
    {
        let refused = world.run("shop", Command::Set("web", field, value)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{field}: {refused:?}");
        assert_eq!(world.plan("shop").await, None, "{field}");
    }
    let unknown = world.run("shop", Command::Set("wbe", "image", "busybox:1.37")).await.unwrap_err();
    assert!(
        matches!(&unknown, OperationError::NotFound(NotFound::Instance { near: Some(near), .. }) if near == "web"),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn an_edit_that_the_file_does_not_have_is_undone_by_the_next_up() {
    let world = running().await;
    let before = world.objects().await;
    world.run("shop", Command::Set("db", "environment.MARK", "5")).await.unwrap();
    world.run("shop", Command::up(SHOP)).await.unwrap();
    assert_eq!(world.objects().await, before);
}

#[tokio::test]
async fn an_instance_with_a_new_name_keeps_its_data_and_its_host_port() {
    let world = running().await;
    let ports = host_ports(&world, "shop").await;
    world.rename_instance("shop", "db", "store").await.unwrap();
    world.run("shop", Command::apply()).await.unwrap();
    assert_eq!(world.plan("shop").await, None);
    let objects = world.objects().await;
    let names: Vec<&str> = objects.containers.keys().map(String::as_str).collect();
    assert_eq!(names, ["devarch-shop-store", "devarch-shop-web"]);
    assert!(objects.containers["devarch-shop-store"].volumes.contains(DATA), "{objects:?}");
    assert_eq!(objects.volumes[DATA].1, "rows");
    assert_eq!(host_ports(&world, "shop").await, ports);
}

#[tokio::test]
async fn a_name_that_another_has_is_refused_with_one_that_is_free() {
    let world = running().await;
    world.import("shop", SHOP).await;
    let taken = world.rename_instance("shop", "db", "web").await.unwrap_err();
    assert!(
        matches!(&taken, OperationError::Conflict(Conflict::NameTaken { free: Some(free), .. }) if free == "web-2"),
        "{taken:?}"
    );
    world.clone_stack("shop", "store").await.unwrap();
    let taken = world.run("shop", Command::Rename("store")).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Conflict, "{taken:?}");
    let taken = world.clone_stack("shop", "store").await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Conflict, "{taken:?}");
    assert_eq!(world.plan("shop").await, None);
}

#[tokio::test]
async fn a_copy_of_a_stack_shares_nothing_with_it() {
    let world = running().await;
    let before = world.objects().await;
    world.clone_stack("shop", "copy").await.unwrap();
    assert_eq!(world.objects().await, before);
    world.run("copy", Command::apply()).await.unwrap();
    let both = world.objects().await;
    assert!(both.containers.contains_key("devarch-copy-db"), "{:?}", both.names());
    assert!(host_ports(&world, "shop").await.is_disjoint(&host_ports(&world, "copy").await));
    let subnets: BTreeSet<_> = both.networks.values().flat_map(|network| network.subnets.clone()).collect();
    assert_eq!(subnets.len(), 2);
    assert_eq!(both.volumes["devarch-copy-db-data"].1, "", "it begins without data");
    world.run("copy", Command::Down).await.unwrap();
    world.run("copy", Command::DeleteWithVolumes).await.unwrap();
    assert_eq!(world.objects().await, before);
}

#[tokio::test]
async fn an_instance_that_is_removed_goes_with_the_next_apply_and_leaves_its_data() {
    let world = running().await;
    world.run("shop", Command::RemoveInstance("web")).await.unwrap();
    let before = world.objects().await;
    assert!(before.containers.contains_key("devarch-shop-web"));
    world.run("shop", Command::apply()).await.unwrap();
    let after = world.objects().await;
    assert_eq!(after.containers.keys().collect::<Vec<_>>(), [DB]);
    assert_eq!(after.containers[DB], before.containers[DB], "the other stays");
    world.run("shop", Command::up(WITHOUT_WEB)).await.unwrap();
    world.run("shop", Command::RemoveInstance("db")).await.unwrap();
    world.run("shop", Command::apply()).await.unwrap();
    assert_eq!(world.engine.volume_content(DATA), "rows");
    assert_eq!(world.remembered_volumes().await, [DATA]);
    assert!(world.run("shop", Command::up(SHOP)).await.is_err(), "data is not taken over unasked");
}

#[tokio::test]
async fn a_stack_that_is_switched_off_is_taken_down_and_back_as_it_was() {
    let world = running().await;
    let strangers = Strangers::beside(&world).await;
    let ports = host_ports(&world, "shop").await;
    world.enable("shop", false).await.unwrap();
    world.run("shop", Command::apply()).await.unwrap();
    let off = world.objects().await;
    assert_eq!((off.containers.len(), off.networks.len()), (1, 1), "only theirs: {:?}", off.names());
    assert_eq!(world.plan("shop").await, None);
    world.enable("shop", true).await.unwrap();
    world.run("shop", Command::apply()).await.unwrap();
    assert_eq!(host_ports(&world, "shop").await, ports);
    assert_eq!(world.engine.volume_content(DATA), "rows");
    strangers.are_untouched(&world, "in the end").await;
}

#[tokio::test]
async fn a_host_port_that_a_process_listens_on_is_refused_before_anything_is_changed() {
    let world = running().await;
    let before = world.objects().await;
    world
        .host
        .listen(HostSocket { ip: [127, 0, 0, 1].into(), port: 18080, protocol: Protocol::Tcp }, "redis");
    let made = world.engine.changes();
    // The edit may already refuse it; the plan has to.
    if world.run("shop", Command::Set("web", "ports.80", "18080")).await.is_ok() {
        let refused = world.run("shop", Command::apply()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused:?}");
        assert!(refused.to_string().contains("redis"), "{refused}");
    }
    assert_eq!(world.engine.changes(), made);
    assert_eq!(world.objects().await, before);
}
