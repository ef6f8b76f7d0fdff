//! Edits of stored definitions: they change nothing on the engine until applied, and nothing at all if refused.

use crate::{
    harness::{Command, Sandbox},
    stacks::{SHOP, WITHOUT_WEB},
    strangers::Strangers,
};
use devarch_app::{Conflict, ErrorKind, NotFound, OperationError};
use devarch_core::port::{HostSocket, Protocol};
use std::collections::BTreeSet;

const DB: &str = "devarch-shop-db";
const DATA: &str = "devarch-shop-db-data";

async fn running() -> Sandbox {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    sandbox.engine.write_volume(DATA, "rows");
    sandbox
}

async fn host_ports(sandbox: &Sandbox, stack: &str) -> BTreeSet<u16> {
    let status = sandbox.status(stack).await;
    status.instances.iter().flat_map(|instance| &instance.ports).map(|port| port.host.port()).collect()
}

#[tokio::test]
async fn an_edit_does_not_affect_running_containers_until_applied() {
    let sandbox = running().await;
    let (before, made) = (sandbox.objects().await, sandbox.engine.changes());
    sandbox.run("shop", Command::Set("db", "environment.MARK", "5")).await.unwrap();
    sandbox.run("shop", Command::Set("web", "ports.80", "18080")).await.unwrap();
    assert_eq!(sandbox.objects().await, before);
    assert_eq!(sandbox.engine.changes(), made);
    let plan = sandbox.plan("shop").await.unwrap();
    assert!(plan.contains("db.environment.MARK") && plan.contains("18080"), "{plan}");
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(sandbox.engine.request(DB).unwrap().spec.environment["MARK"].reveal(), "5");
    assert!(host_ports(&sandbox, "shop").await.contains(&18080));
}

#[tokio::test]
async fn an_unset_field_has_the_templates_value() {
    let sandbox = running().await;
    sandbox.run("shop", Command::Set("web", "stop_grace_period", "9s")).await.unwrap();
    assert!(sandbox.plan("shop").await.is_some());
    sandbox.unset("shop", "web", "stop_grace_period").await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn an_invalid_edit_is_refused_as_a_whole() {
    let sandbox = running().await;
    for (field, value) in
        [("colour", "red"), ("ports.80", "99999"), ("healthcheck.interval", "often"), ("image", "[1]")]
    {
        let refused = sandbox.run("shop", Command::Set("web", field, value)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{field}: {refused:?}");
        assert_eq!(sandbox.plan("shop").await, None, "{field}");
    }
    let unknown = sandbox.run("shop", Command::Set("wbe", "image", "busybox:1.37")).await.unwrap_err();
    assert!(
        matches!(&unknown, OperationError::NotFound(NotFound::Instance { near: Some(near), .. }) if near == "web"),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn an_edit_missing_from_the_file_is_undone_by_the_next_up() {
    let sandbox = running().await;
    let before = sandbox.objects().await;
    sandbox.run("shop", Command::Set("db", "environment.MARK", "5")).await.unwrap();
    sandbox.run("shop", Command::up(SHOP)).await.unwrap();
    assert_eq!(sandbox.objects().await, before);
}

#[tokio::test]
async fn a_renamed_instance_keeps_its_data_and_host_port() {
    let sandbox = running().await;
    let ports = host_ports(&sandbox, "shop").await;
    sandbox.rename_instance("shop", "db", "store").await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(sandbox.plan("shop").await, None);
    let objects = sandbox.objects().await;
    let names: Vec<&str> = objects.containers.keys().map(String::as_str).collect();
    assert_eq!(names, ["devarch-shop-store", "devarch-shop-web"]);
    assert!(objects.containers["devarch-shop-store"].volumes.contains(DATA), "{objects:?}");
    assert_eq!(objects.volumes[DATA].1, "rows");
    assert_eq!(host_ports(&sandbox, "shop").await, ports);
}

#[tokio::test]
async fn a_taken_name_is_refused_with_a_free_one() {
    let sandbox = running().await;
    sandbox.import("shop", SHOP).await;
    let taken = sandbox.rename_instance("shop", "db", "web").await.unwrap_err();
    assert!(
        matches!(&taken, OperationError::Conflict(Conflict::NameTaken { free: Some(free), .. }) if free == "web-2"),
        "{taken:?}"
    );
    sandbox.clone_stack("shop", "store").await.unwrap();
    let taken = sandbox.run("shop", Command::Rename("store")).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Conflict, "{taken:?}");
    let taken = sandbox.clone_stack("shop", "store").await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Conflict, "{taken:?}");
    assert_eq!(sandbox.plan("shop").await, None);
}

#[tokio::test]
async fn a_cloned_stack_shares_nothing_with_the_original() {
    let sandbox = running().await;
    let before = sandbox.objects().await;
    sandbox.clone_stack("shop", "copy").await.unwrap();
    assert_eq!(sandbox.objects().await, before);
    sandbox.run("copy", Command::apply()).await.unwrap();
    let both = sandbox.objects().await;
    assert!(both.containers.contains_key("devarch-copy-db"), "{:?}", both.names());
    assert!(host_ports(&sandbox, "shop").await.is_disjoint(&host_ports(&sandbox, "copy").await));
    let subnets: BTreeSet<_> = both.networks.values().flat_map(|network| network.subnets.clone()).collect();
    assert_eq!(subnets.len(), 2);
    assert_eq!(both.volumes["devarch-copy-db-data"].1, "", "it begins without data");
    sandbox.run("copy", Command::Down).await.unwrap();
    sandbox.run("copy", Command::DeleteWithVolumes).await.unwrap();
    assert_eq!(sandbox.objects().await, before);
}

#[tokio::test]
async fn a_removed_instance_disappears_with_the_next_apply_and_leaves_its_data() {
    let sandbox = running().await;
    sandbox.run("shop", Command::RemoveInstance("web")).await.unwrap();
    let before = sandbox.objects().await;
    assert!(before.containers.contains_key("devarch-shop-web"));
    sandbox.run("shop", Command::apply()).await.unwrap();
    let after = sandbox.objects().await;
    assert_eq!(after.containers.keys().collect::<Vec<_>>(), [DB]);
    assert_eq!(after.containers[DB], before.containers[DB], "the other stays");
    sandbox.run("shop", Command::up(WITHOUT_WEB)).await.unwrap();
    sandbox.run("shop", Command::RemoveInstance("db")).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(sandbox.engine.volume_content(DATA), "rows");
    assert_eq!(sandbox.remembered_volumes().await, [DATA]);
    assert!(sandbox.run("shop", Command::up(SHOP)).await.is_err(), "data is not taken over unasked");
}

#[tokio::test]
async fn a_disabled_stack_is_taken_down_and_restored_when_enabled() {
    let sandbox = running().await;
    let strangers = Strangers::beside(&sandbox).await;
    let ports = host_ports(&sandbox, "shop").await;
    sandbox.enable("shop", false).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    let off = sandbox.objects().await;
    assert_eq!((off.containers.len(), off.networks.len()), (1, 1), "only theirs: {:?}", off.names());
    assert_eq!(sandbox.plan("shop").await, None);
    sandbox.enable("shop", true).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    assert_eq!(host_ports(&sandbox, "shop").await, ports);
    assert_eq!(sandbox.engine.volume_content(DATA), "rows");
    strangers.are_untouched(&sandbox, "in the end").await;
}

#[tokio::test]
async fn a_host_port_with_a_listener_is_refused_before_anything_changes() {
    let sandbox = running().await;
    let before = sandbox.objects().await;
    sandbox
        .host
        .listen(HostSocket { ip: [127, 0, 0, 1].into(), port: 18080, protocol: Protocol::Tcp }, "redis");
    let made = sandbox.engine.changes();
    // The edit may already refuse it; the plan must.
    if sandbox.run("shop", Command::Set("web", "ports.80", "18080")).await.is_ok() {
        let refused = sandbox.run("shop", Command::apply()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused:?}");
        assert!(refused.to_string().contains("redis"), "{refused}");
    }
    assert_eq!(sandbox.engine.changes(), made);
    assert_eq!(sandbox.objects().await, before);
}
