//! A saved plan can be applied once, until it expires and while everything it was made from is unchanged; otherwise
//! it is refused and nothing is changed.

use crate::{common::Sandbox, on_both_engines, on_postgres, picture::Picture, rows};
use devarch_core::{
    id::ContainerId,
    name::{ContainerName, NetworkName},
};
use serde_json::Value;
use std::{collections::BTreeMap, fs, net::TcpListener};

on_both_engines! {
    refused_after_an_edit
    refused_after_a_row_was_changed_by_hand
    refused_after_a_template_was_upgraded
    refused_after_a_container_was_stopped
    refused_after_a_container_was_removed
    refused_after_a_container_was_replaced
    refused_after_a_container_was_disconnected
    refused_after_an_image_was_retagged
    refused_after_another_process_took_its_port
    refused_after_the_network_was_removed
    refused_after_it_expired
    refused_after_it_was_applied
    not_refused_after_a_missing_image_appeared
    not_refused_where_it_builds_an_image
    not_refused_after_a_health_change
    not_refused_after_some_time
    does_exactly_what_was_shown
}

on_postgres! {
    refused_after_an_edit
    refused_after_a_row_was_changed_by_hand
    refused_after_it_expired
    refused_after_it_was_applied
    does_exactly_what_was_shown
}

const SHOP: &str = "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
    web: {template: busybox, environment: {A: first}}\n      db: {template: busybox}\n";

impl Sandbox {
    /// An applied stack with an edit; returns the id of a plan for it.
    fn planned(&self) -> String {
        self.define(SHOP);
        self.ok(&["apply", "STACK", "--yes"]);
        self.edited()
    }

    fn edited(&self) -> String {
        self.ok(&["set", "STACK/web", "environment.A=edited"]);
        self.plan()
    }

    /// The plan is refused with these messages, and nothing is changed.
    fn refuses(&self, plan: &str, messages: &[&str]) {
        let before = Picture::take(self);
        let ran = self.fails(5, &["apply", plan]);
        for words in messages.iter().chain(&["stack 'STACK'"]) {
            assert!(ran.stderr.contains(words), "{words:?} is not reported\n{ran}");
        }
        assert_eq!(before, Picture::take(self), "{ran}");
        let outcomes = rows::texts(self, "SELECT outcome FROM applies");
        assert!(outcomes.len() <= 1, "another apply began: {outcomes:?}");
    }

    fn refuses_as_stale(&self, plan: &str, messages: &[&str]) {
        let stale = format!("plan {plan} of stack 'STACK' is stale, and nothing was done");
        self.refuses(
            plan,
            &[messages, &[&stale, ": assumed ", ", found ", "`devarch plan STACK` shows"]].concat(),
        );
    }

    /// The plan is applied.
    fn applies(&self, plan: &str) {
        self.ok(&["apply", plan]);
        self.ok(&["plan", "STACK", "--detailed-exitcode"]);
    }

    /// Tags an image with a name of this test.
    fn retag(&self, image: &str) -> String {
        let name = format!("devarch-{}-tagged", self.stack);
        self.api("POST", &format!("/images/{image}/tag?repo={name}&tag=1"));
        format!("{name}:1")
    }

    fn shop_with_image(&self, image: &str) {
        self.define(&format!(
            "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
             web: {{template: busybox, image: \"{image}\", exports: []}}\n"
        ));
    }
}

fn refused_after_an_edit(sandbox: &Sandbox) {
    let plan = sandbox.planned();
    sandbox.ok(&["set", "STACK/web", "environment.A=again"]);
    sandbox.refuses_as_stale(&plan, &["stack: assumed revision ", "instance web: assumed config "]);
}

fn refused_after_a_row_was_changed_by_hand(sandbox: &Sandbox) {
    let plan = sandbox.planned();
    rows::change(
        sandbox,
        "UPDATE instances SET overrides = replace(overrides, 'edited', 'by hand') WHERE name = 'web'",
    );
    sandbox.refuses_as_stale(&plan, &["instance web: assumed config "]);
}

fn refused_after_a_template_was_upgraded(sandbox: &Sandbox) {
    let mine = |level: &str| {
        let text = format!(
            "name: mine\ndescription: Mine.\nimage: busybox:1.37\ncommand: [sleep, infinity]\nstop_grace_period: 1s\nenvironment: {{LEVEL: \"{level}\"}}\n"
        );
        fs::write(sandbox.project().join("mine.yaml"), text).unwrap();
        sandbox.ok(&["catalog", "add", "mine.yaml", "--replace"]);
    };
    mine("1");
    sandbox.define("version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {template: mine}\n");
    sandbox.ok(&["apply", "STACK", "--yes"]);
    let plan = sandbox.edited();
    mine("2");
    sandbox.ok(&["catalog", "upgrade", "STACK/web"]);
    sandbox.refuses_as_stale(&plan, &["instance web: assumed template ", "instance web: assumed config "]);
}

fn refused_after_a_container_was_stopped(sandbox: &Sandbox) {
    let plan = sandbox.planned();
    sandbox.api("POST", &format!("/containers/{}/stop?t=0", sandbox.container("db")));
    sandbox.refuses_as_stale(&plan, &["container devarch-STACK-db: assumed running, found stopped"]);
}

fn refused_after_a_container_was_removed(sandbox: &Sandbox) {
    let plan = sandbox.planned();
    sandbox.api("DELETE", &format!("/containers/{}?force=true", sandbox.container("db")));
    sandbox.refuses_as_stale(&plan, &["container devarch-STACK-db: assumed running, found absent"]);
}

/// By a container with the same labels.
fn refused_after_a_container_was_replaced(sandbox: &Sandbox) {
    let plan = sandbox.planned();
    let labels: BTreeMap<String, String> =
        serde_json::from_value(sandbox.inspect("db")["Config"]["Labels"].clone()).unwrap();
    let old = sandbox.id("db");
    sandbox.api("DELETE", &format!("/containers/{old}?force=true"));
    let mut request = sandbox.fixture().request("db", &["sleep", "infinity"]);
    request.name = ContainerName::from_stored(sandbox.container("db"));
    request.labels = labels;
    let new = sandbox.wait(sandbox.fixture().run(&request));
    assert_ne!(old, new.as_str());
    sandbox.refuses(&plan, &["container name devarch-STACK-db is taken", "does not remember creating it"]);
}

fn refused_after_a_container_was_disconnected(sandbox: &Sandbox) {
    let plan = sandbox.planned();
    let network = NetworkName::from_stored(format!("devarch-{}-net", sandbox.stack));
    let id = ContainerId::new(sandbox.id("db"));
    sandbox.wait(sandbox.engine().disconnect(&network, &id)).unwrap();
    sandbox
        .refuses_as_stale(&plan, &["container devarch-STACK-db: assumed networks devarch-STACK-net, found "]);
}

fn refused_after_an_image_was_retagged(sandbox: &Sandbox) {
    let image = sandbox.retag("busybox:1.37");
    sandbox.shop_with_image(&image);
    sandbox.ok(&["apply", "STACK", "--yes"]);
    let plan = sandbox.edited();
    sandbox.retag("python:3.13-slim");
    sandbox.refuses_as_stale(&plan, &["image devarch-STACK-tagged:1: assumed "]);
}

fn refused_after_another_process_took_its_port(sandbox: &Sandbox) {
    sandbox.planned();
    sandbox.ok(&["set", "STACK/web", "ports=[80]"]);
    let plan = sandbox.plan();
    let ports = rows::texts(sandbox, "SELECT CAST(host_port AS TEXT) FROM ports");
    let port: u16 = ports[0].parse().unwrap();
    let _theirs = TcpListener::bind(("127.0.0.1", port)).unwrap();
    // The stack cannot be planned, which is reported instead of a stale plan.
    sandbox.refuses(
        &plan,
        &[
            "instance 'web'",
            &format!("port {port} is already in use by "),
            &format!("pid {}", std::process::id()),
        ],
    );
}

fn refused_after_the_network_was_removed(sandbox: &Sandbox) {
    let plan = sandbox.planned();
    for instance in ["web", "db"] {
        sandbox.api("DELETE", &format!("/containers/{}?force=true", sandbox.container(instance)));
    }
    sandbox.api("DELETE", &format!("/networks/devarch-{}-net", sandbox.stack));
    sandbox.refuses_as_stale(&plan, &["network devarch-STACK-net: assumed ", ", found absent"]);
}

fn refused_after_it_expired(sandbox: &Sandbox) {
    let plan = sandbox.planned();
    rows::change(sandbox, "UPDATE plans SET made_at = made_at - 960000, expires_at = expires_at - 960000");
    sandbox.refuses(&plan, &[&plan, "16 minutes ago", "has expired"]);
}

fn refused_after_it_was_applied(sandbox: &Sandbox) {
    sandbox.define(SHOP);
    let plan = sandbox.plan();
    sandbox.ok(&["apply", &plan]);
    sandbox.refuses(&plan, &[&plan, "was applied already"]);
}

/// No registry has the image; it exists before the apply looks for it, so nothing is pulled.
fn not_refused_after_a_missing_image_appeared(sandbox: &Sandbox) {
    sandbox.shop_with_image(&format!("devarch-{}-tagged:1", sandbox.stack));
    let plan = sandbox.plan();
    sandbox.retag("busybox:1.37");
    sandbox.applies(&plan);
}

fn not_refused_where_it_builds_an_image(sandbox: &Sandbox) {
    fs::create_dir(sandbox.project().join("api")).unwrap();
    let dockerfile = format!(
        "FROM busybox:1.37\nLABEL devarch.test={}\nCMD [\"sleep\", \"1000\"]\nSTOPSIGNAL SIGKILL\n",
        sandbox.stack
    );
    fs::write(sandbox.project().join("api/Dockerfile"), dockerfile).unwrap();
    sandbox.define(
        "version: \"1\"\ntemplates:\n  api: {build: ./api}\nstacks:\n  STACK:\n    instances:\n      api: {template: api}\n",
    );
    let plan = sandbox.plan();
    sandbox.applies(&plan);
}

fn not_refused_after_a_health_change(sandbox: &Sandbox) {
    sandbox.define(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web:\n        template: busybox\n        \
         command: [sh, -c, \"touch /tmp/go; sleep 1000\"]\n        \
         healthcheck: {test: \"test -f /tmp/go\", interval: 1s, retries: 1}\n",
    );
    sandbox.ok(&["apply", "STACK", "--yes"]);
    let plan = sandbox.edited();
    sandbox.sh("web", "rm /tmp/go");
    sandbox.until("web is unhealthy", || {
        let status = sandbox.json(&["status", "STACK", "--probe"]);
        status["stacks"][0]["instances"][0]["health"] == "unhealthy"
    });
    sandbox.applies(&plan);
}

fn not_refused_after_some_time(sandbox: &Sandbox) {
    let plan = sandbox.planned();
    rows::change(sandbox, "UPDATE plans SET made_at = made_at - 840000, expires_at = expires_at - 840000");
    sandbox.applies(&plan);
}

fn does_exactly_what_was_shown(sandbox: &Sandbox) {
    sandbox.define(SHOP);
    sandbox.ok(&["apply", "STACK", "--yes"]);
    sandbox.ok(&["set", "STACK/web", "environment.A=edited"]);
    sandbox.ok(&["instance", "remove", "STACK/db", "--yes"]);
    let plan = sandbox.json(&["plan", "STACK"]);
    let id = plan["id"].as_str().unwrap();
    let applied = sandbox.ok(&["apply", id, "--json"]);
    let applied: Value = serde_json::from_str(&applied.stdout).unwrap();
    let shown = sandbox.json(&["history", "show", "STACK"]);
    let steps = |of: &Value| {
        let all = of["steps"].as_array().unwrap();
        let mut all: Vec<_> = all.iter().map(|step| step["instance"].as_str().map(str::to_owned)).collect();
        all.sort();
        all
    };
    assert_eq!(shown["plan"], id);
    assert_eq!(applied["steps"], plan["steps"].as_array().unwrap().len());
    assert_eq!(steps(&plan), steps(&shown), "as many steps for each instance");
    let planned = rows::texts(sandbox, "SELECT shown FROM plans");
    let applied = rows::texts(sandbox, &format!("SELECT shown FROM applies WHERE plan_id = '{id}'"));
    assert_eq!(planned, applied, "the very same steps");
    let begun = rows::texts(
        sandbox,
        &format!(
            "SELECT CAST(at AS TEXT) FROM apply_steps JOIN applies ON applies.id = apply_id \
             WHERE plan_id = '{id}' AND apply_steps.ended_at IS NOT NULL AND apply_steps.error IS NULL"
        ),
    );
    assert_eq!(begun.len(), plan["steps"].as_array().unwrap().len());
}
