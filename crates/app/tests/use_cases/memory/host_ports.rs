//! Host ports: assigned once and kept, unique, and refused with their current owner.

use crate::{
    harness::{Command, Sandbox, parsed},
    stacks::shop,
};
use devarch_app::{DefinitionError, ErrorKind, OperationError, create_stack};
use devarch_core::{
    name::InstanceName,
    port::{HostSocket, PortKey, Protocol},
};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

/// Returns the host ports of an instance, by container port.
async fn ports(sandbox: &Sandbox, stack: &str, instance: &str) -> BTreeMap<String, (IpAddr, u16)> {
    let stack = sandbox.stack(stack).await;
    let ports = &stack.instances[&parsed::<InstanceName>(instance)].ports;
    let port = |(key, host): (&PortKey, &devarch_core::port::HostBinding)| {
        (key.to_string(), (host.host_ip, host.host_port))
    };
    ports.iter().map(port).collect()
}

async fn port(sandbox: &Sandbox, instance: &str, container: &str) -> u16 {
    ports(sandbox, "shop", instance).await[container].1
}

fn web(ports: &str) -> String {
    format!("web: {{template: busybox, ports: [{ports}]}}")
}

async fn refusal(sandbox: &Sandbox, yml: &'static str) -> String {
    let error = sandbox.run("shop", Command::up(yml)).await.unwrap_err();
    assert!(matches!(error, OperationError::Definition(DefinitionError::PortsTaken { .. })), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    error.to_string()
}

#[tokio::test]
async fn an_assigned_port_stays_the_same_after_a_down() {
    let sandbox = Sandbox::new().await;
    sandbox.run("shop", Command::up(shop(&[&web("80, 81")]))).await.unwrap();
    let first = ports(&sandbox, "shop", "web").await;
    assert!(first.values().all(|(ip, port)| *ip == Ipv4Addr::LOCALHOST && (20_000..30_000).contains(port)));
    sandbox.run("shop", Command::Down).await.unwrap();
    sandbox.run("shop", Command::up(shop(&[&web("81, 80")]))).await.unwrap();
    assert_eq!(ports(&sandbox, "shop", "web").await, first);
}

#[tokio::test]
async fn a_port_that_is_no_longer_defined_is_free() {
    let sandbox = Sandbox::new().await;
    sandbox.import("shop", shop(&[&web("\"8080:80\""), "db: {template: busybox}"])).await;
    sandbox.import("shop", shop(&[&web("81"), "db: {template: busybox, ports: [\"8080:1\"]}"])).await;
    assert_eq!(port(&sandbox, "db", "1/tcp").await, 8080);
    assert!(!ports(&sandbox, "shop", "web").await.contains_key("80/tcp"));
}

#[tokio::test]
async fn a_requested_port_replaces_an_assigned_one() {
    let sandbox = Sandbox::new().await;
    sandbox.import("shop", shop(&[&web("80")])).await;
    let chosen = port(&sandbox, "web", "80/tcp").await;
    sandbox.run("shop", Command::Set("web", "ports.80", "8080")).await.unwrap();
    assert_eq!(port(&sandbox, "web", "80/tcp").await, 8080);
    sandbox.run("shop", Command::Set("web", "ports.80", "auto")).await.unwrap();
    assert_eq!(port(&sandbox, "web", "80/tcp").await, 8080, "what it has it keeps");
    assert_ne!(chosen, 8080);
}

#[tokio::test]
async fn two_instances_never_get_the_same_port() {
    let sandbox = Sandbox::new().await;
    let reported =
        refusal(&sandbox, shop(&[&web("\"8080:80\""), "api: {template: busybox, ports: [\"8080:80\"]}"]))
            .await;
    assert!(reported.contains("host port 8080 belongs to instance 'api' of the same stack"), "{reported}");
    assert!(!sandbox.knows("shop").await);
}

#[tokio::test]
async fn a_port_of_another_stack_is_refused_with_its_owner() {
    let sandbox = Sandbox::new().await;
    let other =
        "version: \"1\"\nstacks: {other: {instances: {db: {template: busybox, ports: [\"8080:80\"]}}}}\n";
    sandbox.import("other", other).await;
    let reported = refusal(&sandbox, shop(&[&web("\"8080:80\"")])).await;
    assert!(
        reported.contains("instance 'db' of stack 'other'") && reported.contains("choose another, or `auto`"),
        "{reported}"
    );
    sandbox.import("shop", shop(&[&web("\"8080:80/udp\"")])).await;
    assert_eq!(port(&sandbox, "web", "80/udp").await, 8080, "another protocol is another port");
}

#[tokio::test]
async fn a_wildcard_address_conflicts_with_every_address() {
    let cases = [
        ("0.0.0.0:8080:80", "127.0.0.1:8080:80", true),
        ("127.0.0.1:8080:80", "127.0.0.2:8080:80", false),
        ("127.0.0.1:8080:80", "0.0.0.0:8081:80", false),
        ("127.0.0.1:8080:80", "[::1]:8080:80", false),
        ("[::]:8080:80", "[::1]:8080:80", true),
    ];
    for (first, second, refused) in cases {
        let sandbox = Sandbox::new().await;
        let second = format!("api: {{template: busybox, ports: [\"{second}\"]}}");
        let yml = shop(&[&web(&format!("\"{first}\"")), &second]);
        assert_eq!(sandbox.run("shop", Command::up(yml)).await.is_err(), refused, "{first} {second}");
    }
}

#[tokio::test]
async fn an_assigned_port_has_no_listener_on_the_host() {
    let (busy, quiet) = (Sandbox::new().await, Sandbox::new().await);
    quiet.import("shop", shop(&[&web("80")])).await;
    let first = port(&quiet, "web", "80/tcp").await;
    let socket = HostSocket { ip: Ipv4Addr::UNSPECIFIED.into(), port: first, protocol: Protocol::Tcp };
    // Its ids are generated in the same order, so it would choose the same port.
    busy.host.listen(socket, "nginx (pid 812)");
    let chosen = devarch_app::Settings::clone(busy.ctx().settings());
    assert_eq!(chosen.ports, quiet.ctx().settings().ports);
    for number in 0..3 {
        let name = format!("s{number}");
        let yml = format!(
            "version: \"1\"\nstacks: {{{name}: {{instances: {{web: {{template: busybox, ports: [80]}}}}}}}}\n"
        );
        busy.import(&name, &yml).await;
        assert_ne!(ports(&busy, &name, "web").await["80/tcp"].1, first);
    }
}

#[tokio::test]
async fn an_exhausted_range_is_refused_with_the_setting() {
    let mut sandbox = Sandbox::new().await;
    sandbox.with_variables(&[("DEVARCH_PORTS", "21000-21001")]).await;
    sandbox.import("shop", shop(&[&web("80, 81")])).await;
    let mut both: Vec<u16> = ports(&sandbox, "shop", "web").await.values().map(|(_, port)| *port).collect();
    both.sort_unstable();
    assert_eq!(both, [21_000, 21_001]);
    let error = sandbox.run("shop", Command::Set("web", "ports.82", "auto")).await.unwrap_err();
    let words = "no host port from 21000-21001 is free; set DEVARCH_PORTS to another range";
    assert!(error.to_string().contains(words), "{error}");
    assert_eq!(ports(&sandbox, "shop", "web").await.len(), 2);
}

#[tokio::test]
async fn a_cloned_stack_has_host_ports_of_its_own() {
    let sandbox = Sandbox::new().await;
    sandbox.import("shop", shop(&[&web("\"8080:80\", 81")])).await;
    sandbox.clone_stack("shop", "copy").await.unwrap();
    let (original, copy) = (ports(&sandbox, "shop", "web").await, ports(&sandbox, "copy", "web").await);
    assert_eq!(original["80/tcp"].1, 8080);
    for (key, (_, port)) in &copy {
        assert!(original.values().all(|(_, theirs)| theirs != port), "{key}");
    }
    assert_eq!(copy.len(), 2);
}

#[tokio::test]
async fn ports_survive_a_rename_of_an_instance_or_its_stack() {
    let sandbox = Sandbox::new().await;
    sandbox.import("shop", shop(&[&web("80")])).await;
    let first = port(&sandbox, "web", "80/tcp").await;
    sandbox.rename_instance("shop", "web", "front").await.unwrap();
    sandbox.run("shop", Command::Rename("store")).await.unwrap();
    assert_eq!(ports(&sandbox, "store", "front").await["80/tcp"].1, first);
}

#[tokio::test]
async fn a_stack_without_ports_works_when_no_port_is_free() {
    let mut sandbox = Sandbox::new().await;
    sandbox.with_variables(&[("DEVARCH_PORTS", "21000-21000")]).await;
    sandbox.import("shop", shop(&[&web("80")])).await;
    create_stack(sandbox.ctx(), &parsed("empty"), None).await.unwrap();
    assert!(sandbox.knows("empty").await);
}
