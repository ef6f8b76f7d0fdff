//! The program at a terminal: container commands get a terminal of their own, and questions can be answered.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Sandbox, pty::AtTerminal};
use devarch_core::engine::EngineKind;

macro_rules! on_both_engines {
    ($($name:ident)*) => {
        mod docker { $(#[test] fn $name() { super::with(super::EngineKind::Docker, super::$name); })* }
        mod podman { $(#[test] fn $name() { super::with(super::EngineKind::Podman, super::$name); })* }
    };
}

on_both_engines! {
    a_command_gets_a_terminal_of_the_same_size
    a_shell_receives_keys_and_window_resizes
    a_command_without_a_terminal_reads_a_pipe_to_its_end
    log_lines_of_a_stack_are_coloured_by_instance_unless_colours_are_off
    a_question_is_answered_at_a_terminal_and_ctrl_c_changes_nothing
}

fn with(kind: EngineKind, test: fn(&Sandbox)) {
    if let Some(sandbox) = Sandbox::on(kind) {
        test(&sandbox);
    }
}

const WEB: &str = "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: { template: busybox }\n";

/// The escape sequence of a colour.
const COLOUR: &str = "\x1b[3";

fn log_lines_of_a_stack_are_coloured_by_instance_unless_colours_are_off(sandbox: &Sandbox) {
    let talks = "command: [sh, -c, \"trap 'exit 0' TERM; echo ready; sleep 1000 & wait\"]";
    sandbox.write(&format!(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {{ template: busybox, {talks} }}\n      \
         db: {{ template: busybox, {talks} }}\n"
    ));
    sandbox.ok(&["up", "--yes"]);
    let following = sandbox.at_terminal((80, 24), &["logs", "-f", "STACK"]);
    for name in ["web", "db"] {
        following.shows(name);
        sandbox.ok(&[
            "exec",
            "-T",
            &format!("/{name}"),
            "--",
            "sh",
            "-c",
            &format!("echo more of {name} >/proc/1/fd/1"),
        ]);
        following.shows(&format!("more of {name}"));
    }
    following.interrupt();
    let ran = following.end();
    let prefixes = |name: &str| -> Vec<String> {
        let lines = ran.stdout.lines().filter(|line| line.contains("ready") || line.contains("more of"));
        let of_name = lines.filter_map(|line| Some(line.split_once(name)?.0.to_owned()));
        of_name.filter(|prefix| prefix.starts_with(COLOUR)).collect()
    };
    let (web, db) = (prefixes("web"), prefixes("db"));
    assert!(web.len() == 2 && db.len() == 2, "{ran:?}", ran = ran.stdout);
    assert!(web[0] == web[1] && db[0] == db[1] && web[0] != db[0], "{web:?} {db:?}");
    let mut plain = sandbox.command(&["logs", "STACK"]);
    plain.env("NO_COLOR", "1");
    let ran = AtTerminal::start((80, 24), plain).end();
    assert!(ran.stdout.contains("ready") && !ran.stdout.contains(COLOUR), "{:?}", ran.stdout);
}

fn a_command_gets_a_terminal_of_the_same_size(sandbox: &Sandbox) {
    sandbox.write(WEB);
    sandbox.ok(&["up", "--yes"]);
    // Docker 20.10 sets the size shortly after the start.
    let line = "tty; n=0; until [ \"$(stty size)\" = '45 123' ] || [ $n = 500 ]; do n=$((n + 1)); done; stty size; \
                [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all; exit 9";
    let ran = sandbox.at_terminal((123, 45), &["exec", "/web", "--", "sh", "-c", line]).end();
    assert_eq!(ran.code, 9, "{ran}");
    assert!(ran.stdout.contains("/dev/pts/") && ran.stdout.contains("all\r\n"), "{ran}");
    assert!(ran.stdout.contains("45 123\r\n"), "{ran}");
    let ran = sandbox.at_terminal((123, 45), &["exec", "-T", "/web", "--", "sh", "-c", "tty; exit 4"]).end();
    assert_eq!(ran.code, 4, "{ran}");
    assert!(ran.stdout.contains("not a tty"), "{ran}");
}

fn a_shell_receives_keys_and_window_resizes(sandbox: &Sandbox) {
    sandbox.write(WEB);
    sandbox.ok(&["up", "--yes"]);
    let mut shell = sandbox.at_terminal((80, 24), &["shell", "/web"]);
    shell.press("echo $((40 + 2)); stty size\r");
    shell.shows("42\r\n24 80\r\n");
    shell.resize((100, 30));
    // The engine applies the new size with a delay.
    shell.press("until [ \"$(stty size)\" = '30 100' ]; do sleep 0.1; done; echo res''ized\r");
    shell.shows("resized\r\n");
    // Ctrl-C goes to the command in the container.
    shell.press("sh -c 'trap \"echo caught; exit\" INT; echo wait\"\"ing; while :; do sleep 0.1; done'\r");
    shell.shows("waiting");
    shell.press("\x03");
    shell.shows("caught\r\n");
    shell.press("exit 6\r");
    assert_eq!(shell.end().code, 6);
}

fn a_command_without_a_terminal_reads_a_pipe_to_its_end(sandbox: &Sandbox) {
    sandbox.write(WEB);
    sandbox.ok(&["up", "--yes"]);
    let ran = sandbox.feed(b"one\ntwo\n", &["exec", "/web", "--", "sh", "-c", "cat; tty; exit 3"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, "one\ntwo\nnot a tty\n"), "{ran}");
    let ran = sandbox.feed(b"", &["exec", "/web", "--", "cat"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran}");
}

fn a_question_is_answered_at_a_terminal_and_ctrl_c_changes_nothing(sandbox: &Sandbox) {
    sandbox.write(WEB);
    let runs = || {
        let name = format!("devarch-{}-web", sandbox.stack);
        sandbox.wait(sandbox.engine().containers()).unwrap().iter().any(|one| one.name.as_str() == name)
    };
    for (keys, code) in [("\x03", 130), ("n\r", 130), ("\r", 130)] {
        let mut up = sandbox.at_terminal((80, 24), &["up"]);
        up.shows("Apply this to");
        up.press(keys);
        let ran = up.end();
        assert_eq!(ran.code, code, "{ran}");
        assert!(ran.stdout.contains("cancelled; nothing was changed"), "{ran}");
        assert!(!runs() && sandbox.ok(&["stack", "list"]).stdout.contains("no stacks yet"));
    }
    let mut up = sandbox.at_terminal((80, 24), &["up"]);
    up.shows("Apply this to");
    up.press("y\r");
    let ran = up.end();
    assert_eq!(ran.code, 0, "{ran}");
    assert!(runs());
    let mut down = sandbox.at_terminal((80, 24), &["down"]);
    down.shows(&format!("Take down '{}' (1 container; volumes are kept)?", sandbox.stack));
    down.press("n\r");
    assert_eq!(down.end().code, 130);
    assert!(runs());
}
