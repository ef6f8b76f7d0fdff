//! Host paths: what is refused, what needs an allowance, and what has to exist.

use crate::{
    harness::{Command, Sandbox, parsed},
    stacks::{shop, shop_of},
};
use devarch_app::{DefinitionError, OperationError, own_places};
use devarch_core::name::InstanceName;

fn web(more: &str) -> String {
    format!("web: {{template: busybox, {more}}}")
}

fn mounting(source: &str) -> String {
    web(&format!("volumes: [\"{source}:/inside\"]"))
}

async fn refused(sandbox: &Sandbox, yml: &'static str) -> String {
    let before = sandbox.engine.changes();
    let error = sandbox.run("shop", Command::up(yml)).await.unwrap_err();
    let unworkable = matches!(
        &error,
        OperationError::Definition(DefinitionError::Unworkable { .. } | DefinitionError::Invalid { .. })
    );
    assert!(unworkable, "{error:?}");
    assert_eq!(sandbox.engine.changes(), before, "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_directory_of_the_project_is_mounted_without_an_allowance() {
    let sandbox = Sandbox::new().await;
    std::fs::create_dir(sandbox.project().join("src")).unwrap();
    sandbox.run("shop", Command::up(shop(&[&mounting("./src")]))).await.unwrap();
    let mounts = sandbox.engine.request("devarch-shop-web").unwrap().spec.mounts;
    let source = format!("{:?}", mounts[0].source);
    assert!(
        source.contains(&sandbox.project().canonicalize().unwrap().join("src").display().to_string()),
        "{source}"
    );
}

#[tokio::test]
async fn a_missing_source_is_refused_before_anything_is_created() {
    let sandbox = Sandbox::new().await;
    let reported = refused(&sandbox, shop(&[&mounting("./gone")])).await;
    assert!(
        reported.contains("gone does not exist on this machine; create it, or mount something else"),
        "{reported}"
    );
}

#[tokio::test]
async fn sensitive_places_are_refused_until_the_stack_allows_them() {
    let sandbox = Sandbox::new().await;
    for path in ["/", "/etc", "/proc/1", "/root", "/usr"] {
        let reported = refused(&sandbox, shop(&[&mounting(path)])).await;
        assert!(reported.contains(path) && reported.contains("host-paths"), "{path}: {reported}");
    }
    sandbox
        .run("shop", Command::up(shop_of("allow: [host-paths]", &[], &[&mounting("/etc")])))
        .await
        .unwrap();
}

#[tokio::test]
async fn access_beyond_a_stack_is_refused_with_the_required_allowance() {
    let cases = [
        ("privileged: true", "privileged"),
        ("network_mode: host", "host-network"),
        ("pid: host", "host-pid"),
        ("ipc: host", "host-ipc"),
        ("cap_add: [SYS_ADMIN]", "capabilities"),
        ("devices: [\"/dev/null\"]", "devices"),
        ("security_opt: [\"seccomp=unconfined\"]", "unconfined"),
    ];
    for (field, allowance) in cases {
        let sandbox = Sandbox::new().await;
        let reported = refused(&sandbox, shop(&[&web(field)])).await;
        assert!(reported.contains(allowance), "{field}: {reported}");
        let allowed = shop_of(&format!("allow: [{allowance}]"), &[], &[&web(field)]);
        sandbox.run("shop", Command::up(allowed)).await.unwrap_or_else(|error| panic!("{field}: {error}"));
    }
}

#[tokio::test]
async fn an_allowance_permits_only_what_it_names() {
    let sandbox = Sandbox::new().await;
    let yml = shop_of("allow: [host-pid]", &[], &[&web("pid: host, privileged: true")]);
    let reported = refused(&sandbox, yml).await;
    assert!(reported.contains("privileged"), "{reported}");
}

#[tokio::test]
async fn a_link_out_of_the_project_is_judged_by_its_target() {
    let sandbox = Sandbox::new().await;
    std::os::unix::fs::symlink("/etc", sandbox.project().join("settings")).unwrap();
    let reported = refused(&sandbox, shop(&[&mounting("./settings")])).await;
    assert!(reported.contains("host-paths"), "{reported}");
}

#[tokio::test]
async fn the_home_of_devarch_is_not_mounted_without_an_allowance() {
    let sandbox = Sandbox::new().await;
    let home = sandbox.home();
    let reported = refused(&sandbox, shop(&[&mounting(&home.display().to_string())])).await;
    assert!(reported.contains("allow"), "{reported}");
    let places = own_places(sandbox.ctx().settings());
    assert!(!places.devarch_homes.is_empty() && !places.homes.is_empty());
}

#[tokio::test]
async fn a_config_file_from_a_forbidden_place_is_not_stored() {
    let sandbox = Sandbox::new().await;
    let yml = shop(&[&web("config_files: {/a: {file: /etc/hostname}}")]);
    let reported = refused(&sandbox, yml).await;
    assert!(reported.contains("host-paths"), "{reported}");
    assert!(!sandbox.knows("shop").await);
    let allowed = shop_of("allow: [host-paths]", &[], &[&web("config_files: {/a: {file: /etc/hostname}}")]);
    sandbox.run("shop", Command::up(allowed)).await.unwrap();
}

#[tokio::test]
async fn a_withdrawn_allowance_blocks_the_next_apply_but_not_a_down() {
    let sandbox = Sandbox::new().await;
    let with = shop_of("allow: [privileged]", &[], &[&web("privileged: true")]);
    sandbox.run("shop", Command::up(with)).await.unwrap();
    let before = sandbox.objects().await;
    refused(&sandbox, shop(&[&web("privileged: true")])).await;
    assert_eq!(sandbox.objects().await, before);
    sandbox.run("shop", Command::Stop).await.unwrap();
    sandbox.run("shop", Command::Start).await.unwrap();
    sandbox.run("shop", Command::Down).await.unwrap();
    assert!(sandbox.objects().await.containers.is_empty());
}

#[tokio::test]
async fn a_path_is_relative_to_the_directory_of_its_devarch_yml() {
    let sandbox = Sandbox::new().await;
    let below = sandbox.project().join("deep/er");
    std::fs::create_dir_all(&below).unwrap();
    std::fs::create_dir(sandbox.project().join("src")).unwrap();
    std::fs::write(sandbox.project().join("devarch.yml"), shop(&[&mounting("./src")])).unwrap();
    let source = devarch_app::find_import(sandbox.ctx(), &below, None, None).await.unwrap().unwrap();
    let draft = devarch_app::draft_import(sandbox.ctx(), &source).await.unwrap();
    devarch_app::save_draft(sandbox.ctx(), &draft).await.unwrap();
    sandbox.run("shop", Command::apply()).await.unwrap();
    let web = &sandbox.stack("shop").await.instances[&parsed::<InstanceName>("web")];
    assert!(web.overrides.service.volumes.is_some());
}
