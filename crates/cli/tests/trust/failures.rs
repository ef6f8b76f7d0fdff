//! What is told of an apply that failed: the instance, the cause, and what runs now.

use crate::{
    common::{Ran, Sandbox},
    on_both_engines,
    picture::Picture,
};
use std::net::TcpListener;

on_both_engines! {
    a_missing_image_is_told
    the_owner_of_a_port_is_told
    an_exit_code_is_told_with_the_last_lines
    a_failing_check_is_told_with_what_it_said_last
    too_little_memory_is_told
    too_little_memory_to_start_with_is_told
    a_program_that_cannot_be_run_is_told_in_words
    a_file_in_the_place_of_a_directory_is_told
}

impl Sandbox {
    /// A stack that runs, one instance of which is given something it can't run with; how the apply that fails, ends.
    fn breaks(&self, fields: &[&str], code: i32, told: &[&str]) -> Ran {
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
        failed
    }
}

const RUNS_AGAIN: &str = "the previous containers are running again";

fn a_missing_image_is_told(sandbox: &Sandbox) {
    let image = "image=localhost:1/devarch/never:1";
    sandbox.breaks(
        &[image, "exports=[]"],
        1,
        &["instance 'web': pull localhost:1/devarch/never:1", "nothing was changed"],
    );
}

fn the_owner_of_a_port_is_told(sandbox: &Sandbox) {
    let theirs = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = theirs.local_addr().unwrap().port();
    let pid = format!("pid {}", std::process::id());
    let address = format!("port {port} is already in use by ");
    sandbox.breaks(&[&format!("ports=[\"{port}:80\"]")], 5, &["instance 'web'", &address, &pid]);
}

fn an_exit_code_is_told_with_the_last_lines(sandbox: &Sandbox) {
    let command = "command=[sh, -c, \"echo no config; exit 3\"]";
    let told = ["instance 'web' failed: it exited with code 3", "| no config", RUNS_AGAIN];
    sandbox.breaks(&[command, "restart=no"], 1, &told);
}

fn a_failing_check_is_told_with_what_it_said_last(sandbox: &Sandbox) {
    let check = "healthcheck={test: \"echo not yet; exit 1\", interval: 300ms, retries: 2}";
    let told =
        ["instance 'web' failed: its health check did not pass", "its last output: not yet", RUNS_AGAIN];
    sandbox.breaks(&[check], 1, &told);
}

/// It fills its memory with what it reads.
fn too_little_memory_is_told(sandbox: &Sandbox) {
    let command = "command=[sh, -c, \"tail /dev/zero\"]";
    let limits = "resources={limits: {memory: 8M}}";
    let told = ["instance 'web' failed: it was killed", "raise resources.limits.memory", RUNS_AGAIN];
    sandbox.breaks(&[command, limits, "restart=no"], 1, &told);
}

fn too_little_memory_to_start_with_is_told(sandbox: &Sandbox) {
    let told = ["instance 'web' failed", "help: raise resources.limits.memory"];
    sandbox.breaks(&["resources={limits: {memory: 1M}}"], 1, &told);
}

fn a_program_that_cannot_be_run_is_told_in_words(sandbox: &Sandbox) {
    for (program, why) in
        [("no-such-program", "executable file not found"), ("/etc/passwd", "permission denied")]
    {
        let told = [
            &format!("exec: \"{program}\": {why}"),
            "help: check command and entrypoint: the program must be in the image, and executable",
            RUNS_AGAIN,
        ];
        let failed = sandbox.breaks(&[&format!("entrypoint=[{program}]")], 1, &told);
        assert!(!failed.stderr.contains("OCI") && !failed.stderr.contains("runc"), "{failed}");
        sandbox.ok(&["unset", "STACK/web", "entrypoint"]);
    }
}

fn a_file_in_the_place_of_a_directory_is_told(sandbox: &Sandbox) {
    let told =
        ["instance 'web' failed", "not a directory", "help: check config_files and volumes", RUNS_AGAIN];
    sandbox.breaks(&["config_files={/etc: {content: a}}"], 1, &told);
}
