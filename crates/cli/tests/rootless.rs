//! Rootless Podman, with the program running as the same user.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::Sandbox;
use devarch_testkit::outside;
use std::time::Duration;

/// How long the name server may be unavailable while it reloads: milliseconds, except on a busy machine.
const BLINK: Duration = Duration::from_secs(2);

fn on_rootless_podman(test: fn(&Sandbox)) {
    if let Some(sandbox) = Sandbox::on_rootless() {
        test(&sandbox);
    }
}

/// A web server that prints its own name.
const TWO: &str = r#"version: "1"
templates:
  page:
    image: busybox:1.37
    command: [sh, -c, 'mkdir /www; echo "$PAGE" >/www/index.html; exec httpd -f -p 8000 -h /www']
    stop_grace_period: 0s
    healthcheck: { test: [CMD-SHELL, "wget -qO- http://127.0.0.1:8000/"] }
stacks:
  STACK:
    instances:
      web: { template: page, ports: [8000], environment: { PAGE: first } }
      other: { template: page, environment: { PAGE: other } }
"#;

#[test]
fn a_stack_on_rootless_podman_is_created_changed_and_removed() {
    on_rootless_podman(|sandbox| {
        sandbox.write(TWO);
        sandbox.ok(&["up", "--yes"]);
        assert_eq!(page(sandbox), "first\n");
        let status = sandbox.json(&["status", "STACK"]);
        for instance in status["stacks"][0]["instances"].as_array().unwrap() {
            assert_eq!(instance["health"], "healthy", "{instance}");
        }
        sandbox.ok(&["plan", "--detailed-exitcode"]);
        sandbox.ok(&["set", "STACK/web", "environment.PAGE=second"]);
        sandbox.ok(&["apply", "--yes"]);
        assert_eq!(page(sandbox), "second\n");
        sandbox.ok(&["plan", "--detailed-exitcode"]);
        sandbox.ok(&["down", "--yes"]);
        assert_eq!((sandbox.containers(), sandbox.networks()), (0, 0));
    });
}

#[test]
fn two_stacks_on_rootless_podman_do_not_reach_each_other() {
    on_rootless_podman(|sandbox| {
        sandbox.write(TWO);
        sandbox.ok(&["up", "--yes"]);
        sandbox.ok(&["up", "--as", "STACK-next", "--yes"]);
        let fetch = |url: &str| {
            let args = ["exec", "STACK/other", "--", "timeout", "3", "wget", "-qO-", url];
            sandbox.run_within(BLINK, &args, |ran| ran.code == 0)
        };
        assert_eq!(fetch("http://web:8000/").stdout, "first\n");
        let at = |stack: &str| {
            let name = format!("devarch-{stack}-web");
            let all = sandbox.wait(sandbox.engine().containers()).unwrap();
            let found = all.into_iter().find(|container| container.name.as_str() == name).unwrap();
            found.networks.into_values().next().unwrap().unwrap()
        };
        let (own, next) = (at(&sandbox.stack), at(&format!("{}-next", sandbox.stack)));
        assert_eq!(fetch(&format!("http://{own}:8000/")).stdout, "first\n");
        for url in [format!("http://{next}:8000/"), "http://devarch-STACK-next-web:8000/".to_owned()] {
            let fetched = fetch(&url);
            assert!(fetched.code != 0 && fetched.stdout.is_empty(), "{url}: {fetched}");
        }
    });
}

/// Podman 4.3 keeps the address of a container whose port could not be bound.
#[test]
fn a_privileged_port_is_refused_before_anything_is_started() {
    on_rootless_podman(|sandbox| {
        sandbox.write(&TWO.replace("ports: [8000]", "ports: [\"80:8000\"]"));
        let ran = sandbox.fails(5, &["up", "--yes"]);
        assert!(ran.stderr.contains("port 80 is root's (below 1024)"), "{ran}");
        sandbox.write(TWO);
        sandbox.ok(&["up", "--yes"]);
        assert_eq!(page(sandbox), "first\n");
    });
}

/// Podman before 4.8 changes a bridge's hardware address when a container is removed; DevArch sends a gratuitous ARP.
#[test]
fn containers_on_rootless_podman_keep_the_name_server_when_a_neighbour_is_replaced() {
    const NAMES: [&str; 3] = ["a", "b", "c"];
    on_rootless_podman(|sandbox| {
        sandbox.write(
            "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      a: { template: busybox }\n      \
             b: { template: busybox }\n      c: { template: busybox }\n",
        );
        sandbox.ok(&["up", "--yes"]);
        for round in 0..3 {
            for replaced in NAMES {
                sandbox.ok(&["set", &format!("STACK/{replaced}"), &format!("environment.ROUND={round}")]);
                sandbox.ok(&["apply", "--yes"]);
                for from in NAMES {
                    let from = format!("STACK/{from}");
                    let args = ["exec", &from, "--", "timeout", "3", "nslookup", replaced];
                    let answer = sandbox.run_within(BLINK, &args, |ran| ran.code == 0);
                    assert_eq!(answer.code, 0, "{args:?}\n{answer}");
                }
            }
        }
    });
}

/// The page that the web server serves on the host.
fn page(sandbox: &Sandbox) -> String {
    let status = sandbox.json(&["status", "STACK"]);
    let instances = status["stacks"][0]["instances"].as_array().unwrap();
    let web = instances.iter().find(|instance| instance["name"] == "web").unwrap();
    let address = web["ports"][0]["host"].as_str().unwrap().parse().unwrap();
    sandbox.wait(outside::web_page(address, "/")).unwrap()
}
