//! What the host and other containers observe.

use super::assert_refused;
use crate::{
    fixture::{Fixture, RUNS, address, published},
    outside,
    scope::free_port,
};
use devarch_core::{engine::EngineKind, name::ContainerName, spec::NetworkSpec};
use devarch_engine::EngineErrorKind as Kind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Serves the given text on port 80.
fn web(word: &str) -> [String; 3] {
    let serve = format!("mkdir /www; echo {word} > /www/index.html; httpd -f -p 80 -h /www");
    ["sh".to_owned(), "-c".to_owned(), serve]
}

fn words(argv: &[String; 3]) -> [&str; 3] {
    [&argv[0], &argv[1], &argv[2]]
}

/// A line that prints the page at a host; busybox's own `wget` crashes where it is linked statically to glibc.
fn fetch(host: &str) -> String {
    format!("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 {host} 80 | tail -n 1 | grep .")
}

/// The same, retried until it succeeds.
fn retried(host: &str) -> String {
    format!("for i in 1 2 3 4 5 6 7 8; do {} && exit; sleep 0.5; done", fetch(host))
}

/// On the specified address and port.
pub async fn a_published_port_answers_on_the_host(f: &Fixture) {
    let (network, _) = f.network("net", 0).await;
    let port = free_port();
    let mut request = f.attached("web", &words(&web("hello")), &network, 5);
    request.spec.ports.push(published(80, port));
    f.run(&request).await;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    assert_eq!(outside::web_page(address, "/").await.as_deref(), Some("hello\n"));
}

/// A process that listens there already.
pub async fn a_port_of_another_process_is_reported_as_such(f: &Fixture) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (network, _) = f.network("net", 0).await;
    let mut request = f.attached("web", &RUNS, &network, 5);
    request.spec.ports.push(published(80, listener.local_addr().unwrap().port()));
    let id = f.create(&request).await;
    assert_refused(f.engine.start(&id).await, &Kind::PortTaken);
}

/// By alias and by the container's name.
pub async fn names_and_aliases_resolve_within_a_network(f: &Fixture) {
    let (network, _) = f.network("net", 0).await;
    let server = f.attached("server", &words(&web("found")), &network, 5);
    f.run(&server).await;
    let client = f.run(&f.attached("client", &RUNS, &network, 6)).await;
    for name in ["server", server.name.as_str()] {
        assert_eq!(f.sh(&client, &retried(name)).await.stdout, "found\n", "{name}");
    }
}

/// Neither by name nor by address. On a machine with dockerd its firewall isolates Podman's bridges too, so for Podman
/// the network's options are checked as well.
pub async fn containers_of_two_networks_do_not_reach_each_other(f: &Fixture) {
    let (ours, _) = f.network("ours", 0).await;
    let (theirs, _) = f.network("theirs", 1).await;
    // Podman's compatible API drops isolation when networks are read through it.
    f.engine.networks().await.unwrap();
    let server = f.attached("server", &words(&web("secret")), &theirs, 5);
    f.run(&server).await;
    let near = f.run(&f.attached("near", &RUNS, &theirs, 6)).await;
    let far = f.run(&f.attached("far", &RUNS, &ours, 6)).await;
    let address = address(&theirs, 5);
    let known = retried(&address.to_string());
    assert_eq!(f.sh(&near, &known).await.stdout, "secret\n");
    for host in [address.to_string(), "server".to_owned(), server.name.to_string()] {
        let ran = f.sh(&far, &fetch(&host)).await;
        assert_ne!(ran.code, 0, "{host} answered: {}", ran.stdout);
    }
    assert_isolated(f, &ours).await;
}

/// Podman's firewall loses the isolation of all networks when the last container of one of them ends.
pub async fn networks_stay_isolated_when_the_last_container_of_another_stops(f: &Fixture) {
    let mut networks = Vec::new();
    for (which, name) in ["ours", "theirs", "third"].into_iter().enumerate() {
        networks.push(f.stack_network(name, u32::try_from(which).unwrap()).await);
    }
    f.run(&f.attached("server", &words(&web("secret")), &networks[1], 5)).await;
    let near = f.run(&f.attached("near", &RUNS, &networks[1], 6)).await;
    let far = f.run(&f.attached("far", &RUNS, &networks[0], 5)).await;
    let twins = [f.attached("a", &RUNS, &networks[2], 5), f.attached("b", &RUNS, &networks[2], 6)];
    let broken = f.create(&f.attached("broken", &["/no/such/program"], &networks[2], 7)).await;
    let host = address(&networks[1], 5).to_string();
    assert_eq!(f.sh(&near, &retried(&host)).await.stdout, "secret\n");

    for end in ["stopped", "stopped together", "never started"] {
        match end {
            "stopped" => f.stop(&f.run(&f.attached("last", &RUNS, &networks[2], 8)).await).await,
            "stopped together" => {
                let ids = [f.run(&twins[0]).await, f.run(&twins[1]).await];
                tokio::join!(f.stop(&ids[0]), f.stop(&ids[1]));
            }
            _ => assert_refused(f.engine.start(&broken).await, &Kind::CannotRun),
        }
        let ran = f.sh(&far, &fetch(&host)).await;
        assert_ne!(ran.code, 0, "{end}: {host} answered: {}", ran.stdout);
        assert_eq!(f.sh(&near, &fetch(&host)).await.stdout, "secret\n");
    }
    assert_eq!(f.on_network(&networks[0]).await + f.on_network(&networks[1]).await, 3);
}

/// A throw-away container that DevArch had no time to remove.
pub async fn a_leftover_throwaway_container_does_not_block_its_network(f: &Fixture) {
    let (network, id) = f.network("net", 0).await;
    let mut left = f.attached("left", &RUNS, &network, 5);
    left.name = ContainerName::from_stored(format!("passing.{}.1", network.name));
    left.labels.insert("devarch.passer_by".to_owned(), "true".to_owned());
    f.create(&left).await;
    f.engine.remove_network(&id).await.unwrap();
    assert!(f.engine.networks().await.unwrap().iter().all(|left| left.id != id));
}

async fn assert_isolated(f: &Fixture, network: &NetworkSpec) {
    let info = f.engine.info();
    if info.kind == EngineKind::Podman {
        let path = format!("/v4.0.0/libpod/networks/{}/json", network.name);
        let seen = outside::get(&info.endpoint, &path).await;
        assert_eq!(seen["options"]["isolate"], "true", "{seen}");
    }
}

/// An address of the host (on Podman that on this very network) where a listener can be reached.
pub async fn host_gateway_resolves(f: &Fixture) {
    let (network, _) = f.network("net", 0).await;
    let mut request = f.attached("client", &RUNS, &network, 5);
    request.spec.extra_hosts.insert("host.devarch".to_owned(), "host-gateway".to_owned());
    request.spec.extra_hosts.insert("fixed.devarch".to_owned(), "192.0.2.7".to_owned());
    let id = f.run(&request).await;
    let hosts = f.sh(&id, "cat /etc/hosts").await.stdout;
    let resolved = |name: &str| {
        let line = hosts.lines().find(|line| line.split_whitespace().any(|word| word == name));
        line.and_then(|line| line.split_whitespace().next()?.parse::<Ipv4Addr>().ok())
    };
    assert_eq!(resolved("fixed.devarch"), Some(Ipv4Addr::new(192, 0, 2, 7)), "{hosts}");
    let gateway = resolved("host.devarch").unwrap_or_else(|| panic!("{hosts}"));
    if f.engine.info().kind == EngineKind::Podman {
        assert_eq!(gateway, address(&network, 1));
    }
    let ping = f.sh(&id, "ping -c 1 -W 2 host.devarch").await;
    assert_eq!(ping.code, 0, "{}{}", ping.stdout, ping.stderr);
}
