//! Findings of `doctor`, and how to fix them.

use crate::{
    harness::{Command, Sandbox, parsed},
    stacks::running_shop,
};
use devarch_app::{Check, Environment, Verdict, doctor};
use devarch_core::{
    engine::EngineKind,
    name::{ContainerName, PhysicalVolume},
    port::{HostSocket, Protocol},
    spec::{CreateContainer, label},
};
use devarch_engine::Engine as _;
use devarch_testkit::{
    environment::{CountedIds, FakeClock, FakeHost, MemoryEngines},
    fixture::{RUNS, spec},
    memory::MemoryEngine,
};
use std::{
    collections::BTreeMap, net::Ipv4Addr, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc,
    time::Duration,
};

/// Returns all checks of a home on its own engine and machine.
async fn checks(sandbox: &Sandbox) -> Vec<Check> {
    let around = around([Arc::clone(&sandbox.engine)], Arc::clone(&sandbox.host), Arc::clone(&sandbox.clock));
    doctor(sandbox.ctx().settings(), &around).await
}

fn around(
    engines: impl IntoIterator<Item = Arc<MemoryEngine>>,
    host: Arc<FakeHost>,
    clock: Arc<FakeClock>,
) -> Environment {
    let engines = Arc::new(MemoryEngines::new(engines));
    Environment { engines, clock, ids: Arc::new(CountedIds::default()), host }
}

/// Returns the check with this name.
async fn check(sandbox: &Sandbox, name: &str) -> Check {
    let all = checks(sandbox).await;
    all.iter()
        .find(|check| check.name == name)
        .cloned()
        .unwrap_or_else(|| panic!("no check {name} in {all:?}"))
}

/// Asserts that a check warns, with this finding and fix.
async fn assert_warns(sandbox: &Sandbox, name: &str, found: &str, fix: &str) {
    let check = check(sandbox, name).await;
    assert_eq!(check.verdict, Verdict::Warn, "{check:?}");
    assert!(check.found.contains(found), "{found}: {check:?}");
    assert!(check.mend.as_deref().unwrap_or_default().contains(fix), "{fix}: {check:?}");
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_running_stack_passes_all_checks() {
    let sandbox = running_shop().await;
    for check in checks(&sandbox).await {
        // The machine's disks are real, and the pool of tests is small.
        let other = check.name.starts_with("disk") || check.name == "addresses";
        assert!(check.verdict == Verdict::Ok || other, "{check:?}");
    }
}

#[tokio::test]
async fn checks_change_nothing() {
    let sandbox = running_shop().await;
    let (before, made) = (sandbox.objects().await, sandbox.engine.changes());
    checks(&sandbox).await;
    assert_eq!((sandbox.objects().await, sandbox.engine.changes()), (before, made));
}

#[tokio::test]
async fn a_home_readable_by_other_users_is_reported_with_its_files() {
    let sandbox = running_shop().await;
    mode(&sandbox.home(), 0o755);
    assert_warns(&sandbox, "home", "is open to others (mode 755)", "chmod 700").await;
    mode(&sandbox.home(), 0o700);
    let folder = sandbox.home().join("catalog/deep");
    std::fs::create_dir_all(&folder).unwrap();
    for number in 0..7 {
        let file = folder.join(format!("{number}.yaml"));
        std::fs::write(&file, "").unwrap();
        mode(&file, 0o644);
    }
    assert_warns(&sandbox, "files", "and 2 more can be read by others", "chmod -R go-rwx").await;
}

#[tokio::test]
async fn a_home_that_does_not_exist_yet_is_fine() {
    let sandbox = Sandbox::new().await;
    let mut settings = sandbox.ctx().settings().clone();
    settings.home = sandbox.project().join("new");
    settings.database = devarch_store::StoreUrl::Sqlite(settings.home.join("devarch.db"));
    let around = around([Arc::clone(&sandbox.engine)], Arc::clone(&sandbox.host), Arc::clone(&sandbox.clock));
    let all = doctor(&settings, &around).await;
    let home = all.iter().find(|check| check.name == "home").unwrap();
    assert!(home.verdict == Verdict::Ok && home.found.contains("will be created"), "{home:?}");
}

#[tokio::test]
async fn a_lost_key_fails_with_every_possible_fix() {
    let mut sandbox = running_shop().await;
    sandbox.lose_key().await;
    let check = check(&sandbox, "key").await;
    assert_eq!(check.verdict, Verdict::Fail);
    let fix = check.mend.unwrap();
    for way in ["backup", "devarch secret key import", "devarch secret key reset"] {
        assert!(fix.contains(way), "{way}: {fix}");
    }
}

#[tokio::test]
async fn an_unusable_store_fails_and_the_other_checks_still_run() {
    let sandbox = running_shop().await;
    std::fs::write(sandbox.home().join("devarch.db"), "no database").unwrap();
    let all = checks(&sandbox).await;
    let verdict = |name: &str| all.iter().find(|check| check.name == name).map(|check| check.verdict);
    assert_eq!(verdict("store"), Some(Verdict::Fail), "{all:?}");
    assert_eq!((verdict("engine"), verdict("addresses").is_some()), (Some(Verdict::Ok), true));
    assert_eq!(verdict("key"), None, "nothing is known of it");
}

#[tokio::test]
async fn without_an_engine_the_tried_endpoints_are_listed() {
    let sandbox = Sandbox::new().await;
    let nowhere = around([], Arc::clone(&sandbox.host), Arc::clone(&sandbox.clock));
    let all = doctor(sandbox.ctx().settings(), &nowhere).await;
    let engine = all.iter().find(|check| check.name == "engine").unwrap();
    assert_eq!(engine.verdict, Verdict::Fail);
    assert!(engine.found.starts_with("none answers; tried "), "{engine:?}");
    assert!(engine.mend.as_deref().unwrap().contains("install Podman"));
}

#[tokio::test]
async fn each_reachable_engine_is_listed_with_its_version() {
    let sandbox = Sandbox::new().await;
    let engine = |kind, endpoint: &str| {
        let endpoint = endpoint.to_owned();
        Arc::new(MemoryEngine::new().with_info(|info| {
            (info.kind, info.endpoint) = (kind, endpoint);
            info.rootless = kind == EngineKind::Podman;
        }))
    };
    let engines = [engine(EngineKind::Docker, "memory://d"), engine(EngineKind::Podman, "memory://p")];
    let around = around(engines, Arc::clone(&sandbox.host), Arc::clone(&sandbox.clock));
    let all = doctor(sandbox.ctx().settings(), &around).await;
    let found: Vec<&str> =
        all.iter().filter(|check| check.name == "engine").map(|check| check.found.as_str()).collect();
    assert!(found[0].starts_with("docker 99.0, API 1.99, at memory://d (20.10"), "{found:?}");
    assert!(found[1].starts_with("podman 99.0, API 1.99, at memory://p, rootless (4.3"), "{found:?}");
}

#[tokio::test]
async fn a_host_port_held_by_another_process_is_reported_with_its_name() {
    let sandbox = running_shop().await;
    let port = sandbox.status("shop").await.instances[0].ports[0].host.port();
    sandbox.run("shop", Command::Down).await.unwrap();
    let socket = HostSocket { ip: Ipv4Addr::LOCALHOST.into(), port, protocol: Protocol::Tcp };
    sandbox.host.listen(socket, "nginx (pid 812)");
    assert_warns(
        &sandbox,
        "ports",
        &format!("{port} of shop/db is held by nginx (pid 812)"),
        "ports.PORT=auto",
    )
    .await;
}

#[tokio::test]
async fn only_host_ports_published_by_other_containers_are_reported() {
    let sandbox = running_shop().await;
    let fine = check(&sandbox, "ports").await;
    assert_eq!(
        (fine.verdict, fine.found.as_str()),
        (Verdict::Ok, "2 reserved for instances, none used by other programs")
    );
    let mut other = sandbox.engine.request("devarch-shop-db").unwrap();
    sandbox.run("shop", Command::Down).await.unwrap();
    (other.name, other.labels, other.spec.network) =
        (ContainerName::from_stored("theirs"), BTreeMap::new(), None);
    let id = sandbox.engine.create_container(&other).await.unwrap();
    sandbox.engine.start(&id).await.unwrap();
    assert_warns(&sandbox, "ports", "is held by container theirs", "ports.PORT=auto").await;
}

#[tokio::test]
async fn objects_with_copied_labels_are_reported() {
    let sandbox = running_shop().await;
    let labels = sandbox.objects().await.containers["devarch-shop-db"].labels.clone();
    for number in 0..6 {
        let name = ContainerName::from_stored(format!("copy-{number}"));
        let request = CreateContainer { name, spec: spec(&RUNS), labels: labels.clone() };
        sandbox.engine.create_container(&request).await.unwrap();
    }
    assert_warns(&sandbox, "objects", "and 1 more: with the labels of this home", "devarch adopt STACK")
        .await;
}

#[tokio::test]
async fn other_homes_are_listed_without_a_warning() {
    let sandbox = running_shop().await;
    let other = sandbox.beside().await;
    let reported = check(&other, "other homes").await;
    assert_eq!(
        (reported.verdict, reported.found.as_str()),
        (Verdict::Ok, "1 stacks are another home's or user's: shop")
    );
    assert!(reported.mend.unwrap().contains("only if that home is lost"));
    let own = check(&sandbox, "other homes").await;
    assert_eq!(own.found, "no other home has objects on the engines");
}

#[tokio::test]
async fn a_nearly_full_pool_warns_and_a_full_one_fails() {
    let sandbox = Sandbox::new().await;
    assert_eq!(check(&sandbox, "addresses").await.found, "8 of 8 subnets (/26) of 10.212.0.0/23 are free");
    assert_warns(&sandbox, "addresses", "8 of 8", "DEVARCH_ADDRESS_POOL").await;
    sandbox.host.route("10.212.0.0/24".parse().unwrap());
    assert_warns(&sandbox, "addresses", "4 of 8", "DEVARCH_ADDRESS_POOL").await;
    sandbox.host.route("10.0.0.0/8".parse().unwrap());
    let check = check(&sandbox, "addresses").await;
    assert_eq!((check.verdict, check.found.starts_with("0 of 8")), (Verdict::Fail, true));
}

#[tokio::test]
async fn a_clock_that_is_behind_is_reported() {
    let sandbox = running_shop().await;
    let file = std::fs::File::options().write(true).open(sandbox.home().join("devarch.db")).unwrap();
    let ahead = file.metadata().unwrap().modified().unwrap() + Duration::from_mins(10);
    file.set_modified(ahead).unwrap();
    assert_warns(&sandbox, "clock", "s in the future", "NTP").await;
    sandbox.clock.advance(Duration::from_hours(1));
    assert_eq!(check(&sandbox, "clock").await.verdict, Verdict::Ok);
}

#[tokio::test]
async fn an_engine_without_its_marker_is_identified_by_its_objects() {
    let sandbox = running_shop().await;
    sandbox.engine.remove_volume(&PhysicalVolume::from_stored("devarch-engine")).await.unwrap();
    assert_eq!(check(&sandbox, "objects").await.verdict, Verdict::Ok);
    assert_eq!(check(&sandbox, "ports").await.verdict, Verdict::Ok);
    let store = &sandbox.objects().await.containers["devarch-shop-db"].labels[label::STORE_ID];
    assert!(!store.is_empty() && parsed::<devarch_core::name::StackName>("shop").as_str() == "shop");
}
