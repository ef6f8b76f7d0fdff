//! What is told of an apply that failed: the instance, the cause, and what runs now.

use crate::{common::World, on_both_engines, picture::Picture};
use std::net::TcpListener;

on_both_engines! {
    a_missing_image_is_told
    the_owner_of_a_port_is_told
    an_exit_code_is_told_with_the_last_lines
    a_failing_check_is_told_with_what_it_said_last
    too_little_memory_is_told
}

impl World {
    /// A stack that runs, one instance of which is given something it can't run with; how the apply that fails, ends.
    fn breaks(&self, fields: &[&str], code: i32, told: &[&str]) {
        self.define(
            "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
             web: {template: busybox}\n      db: {template: busybox}\n",
        );
        self.ok(&["apply", "STACK", "--yes"]);
        let before = Picture::of(self);
        self.ok(&[&["set", "STACK/web"], fields].concat());
        let failed = self.fails(code, &["apply", "STACK", "--yes"]);
        for words in told {
            assert!(failed.stderr.contains(words), "{words:?} is not told\n{failed}");
        }
        assert_eq!(before, Picture::of(self), "{failed}");
    }
}

const RUNS_AGAIN: &str = "what ran before runs again (";

fn a_missing_image_is_told(world: &World) {
    let image = "image=localhost:1/devarch/never:1";
    world.breaks(
        &[image, "exports=[]"],
        1,
        &["instance 'web': pull localhost:1/devarch/never:1", "nothing was changed"],
    );
}

fn the_owner_of_a_port_is_told(world: &World) {
    let theirs = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = theirs.local_addr().unwrap().port();
    let pid = format!("pid {}", std::process::id());
    let address = format!("port {port} is already in use by ");
    world.breaks(&[&format!("ports=[\"{port}:80\"]")], 5, &["instance 'web'", &address, &pid]);
}

fn an_exit_code_is_told_with_the_last_lines(world: &World) {
    let command = "command=[sh, -c, \"echo no config; exit 3\"]";
    let told = ["instance 'web' failed: it ended with exit code 3", "| no config", RUNS_AGAIN];
    world.breaks(&[command, "restart=no"], 1, &told);
}

fn a_failing_check_is_told_with_what_it_said_last(world: &World) {
    let check = "healthcheck={test: \"echo not yet; exit 1\", interval: 300ms, retries: 2}";
    let told =
        ["instance 'web' failed: its health check did not pass", "the last one said: not yet", RUNS_AGAIN];
    world.breaks(&[check], 1, &told);
}

/// It fills its memory with what it reads.
fn too_little_memory_is_told(world: &World) {
    let command = "command=[sh, -c, \"tail /dev/zero\"]";
    let limits = "resources={limits: {memory: 8M}}";
    let told = ["instance 'web' failed: it was killed", "raise resources.limits.memory", RUNS_AGAIN];
    world.breaks(&[command, limits, "restart=no"], 1, &told);
}
