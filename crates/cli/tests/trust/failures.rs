//! Reports of failed applies: the instance, the cause, and the containers that are running now.

use crate::{
    common::{Ran, Sandbox},
    on_both_engines,
    picture::Picture,
};
use std::net::TcpListener;

on_both_engines! {
    a_missing_image_is_reported
    the_owner_of_a_port_is_reported
    an_exit_code_is_reported_with_the_last_lines
    a_failing_health_check_is_reported_with_its_last_output
    running_out_of_memory_is_reported
    too_little_memory_to_start_is_reported
    a_command_that_cannot_be_run_is_reported_in_words
    a_file_in_place_of_a_directory_is_reported
}

impl Sandbox {
    /// Breaks an instance of a running stack with an edit; returns the failed apply.
    fn breaks(&self, fields: &[&str], code: i32, messages: &[&str]) -> Ran {
        self.define(
            "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      \
             web: {template: busybox}\n      db: {template: busybox}\n",
        );
        self.ok(&["apply", "STACK", "--yes"]);
        let before = Picture::take(self);
        self.ok(&[&["set", "STACK/web"], fields].concat());
        let failed = self.fails(code, &["apply", "STACK", "--yes"]);
        for words in messages {
            assert!(failed.stderr.contains(words), "{words:?} is not reported\n{failed}");
        }
        assert_eq!(before, Picture::take(self), "{failed}");
        failed
    }
}

const RUNS_AGAIN: &str = "the previous containers are running again";

fn a_missing_image_is_reported(sandbox: &Sandbox) {
    let image = "image=localhost:1/devarch/never:1";
    sandbox.breaks(
        &[image, "exports=[]"],
        1,
        &["instance 'web': pull localhost:1/devarch/never:1", "nothing was changed"],
    );
}

fn the_owner_of_a_port_is_reported(sandbox: &Sandbox) {
    let theirs = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = theirs.local_addr().unwrap().port();
    let pid = format!("pid {}", std::process::id());
    let address = format!("port {port} is already in use by ");
    sandbox.breaks(&[&format!("ports=[\"{port}:80\"]")], 5, &["instance 'web'", &address, &pid]);
}

fn an_exit_code_is_reported_with_the_last_lines(sandbox: &Sandbox) {
    let command = "command=[sh, -c, \"echo no config; exit 3\"]";
    let messages = ["instance 'web' failed: it exited with code 3", "| no config", RUNS_AGAIN];
    sandbox.breaks(&[command, "restart=no"], 1, &messages);
}

fn a_failing_health_check_is_reported_with_its_last_output(sandbox: &Sandbox) {
    let check = "healthcheck={test: \"echo not yet; exit 1\", interval: 300ms, retries: 2}";
    let messages =
        ["instance 'web' failed: its health check did not pass", "its last output: not yet", RUNS_AGAIN];
    sandbox.breaks(&[check], 1, &messages);
}

/// `tail` buffers all of its input.
fn running_out_of_memory_is_reported(sandbox: &Sandbox) {
    let command = "command=[sh, -c, \"tail /dev/zero\"]";
    let limits = "resources={limits: {memory: 8M}}";
    let messages = ["instance 'web' failed: it was killed", "raise resources.limits.memory", RUNS_AGAIN];
    sandbox.breaks(&[command, limits, "restart=no"], 1, &messages);
}

fn too_little_memory_to_start_is_reported(sandbox: &Sandbox) {
    let messages = ["instance 'web' failed", "help: raise resources.limits.memory"];
    sandbox.breaks(&["resources={limits: {memory: 1M}}"], 1, &messages);
}

fn a_command_that_cannot_be_run_is_reported_in_words(sandbox: &Sandbox) {
    for (program, why) in
        [("no-such-program", "executable file not found"), ("/etc/passwd", "permission denied")]
    {
        let messages = [
            &format!("exec: \"{program}\": {why}"),
            "help: check command and entrypoint: the program must be in the image, and executable",
            RUNS_AGAIN,
        ];
        let failed = sandbox.breaks(&[&format!("entrypoint=[{program}]")], 1, &messages);
        assert!(!failed.stderr.contains("OCI") && !failed.stderr.contains("runc"), "{failed}");
        sandbox.ok(&["unset", "STACK/web", "entrypoint"]);
    }
}

fn a_file_in_place_of_a_directory_is_reported(sandbox: &Sandbox) {
    let messages =
        ["instance 'web' failed", "not a directory", "help: check config_files and volumes", RUNS_AGAIN];
    sandbox.breaks(&["config_files={/etc: {content: a}}"], 1, &messages);
}
