//! Text from files, arguments, the catalog, labels, logs or other processes cannot control the terminal. The unit
//! tests of the renderers cover the individual fields.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Sandbox, pty::AtTerminal};
use devarch_core::{engine::EngineKind, name::PhysicalVolume, spec::label};
use std::{
    env, fs,
    net::TcpListener,
    os::unix::fs::symlink,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

macro_rules! on_both_engines {
    ($($name:ident)*) => {
        mod docker { $(#[test] fn $name() { super::with(super::EngineKind::Docker, super::$name); })* }
        mod podman { $(#[test] fn $name() { super::with(super::EngineKind::Podman, super::$name); })* }
    };
}

on_both_engines! {
    containers_labels_and_processes_cannot_control_the_terminal
}

fn with(kind: EngineKind, test: fn(&Sandbox)) {
    if let Some(sandbox) = Sandbox::on(kind) {
        test(&sandbox);
    }
}

/// Writes to the clipboard, clears the screen in two ways, hides the rest, reorders text.
const HOSTILE: &str = "\x1b]52;c;eA==\x07\x1b[2J\u{9b}2J\x1bc\u{202e}\u{2066}\u{200f}\u{61c}";
/// The same, written as escapes that a shell's printf and quoted YAML understand.
const QUOTED: &str = "\\x1b]52;c;eA==\\x07\\x1b[2J\\u009b2J\\x1bc\\u202e\\u2066\\u200f\\u061c";
/// The same, as DevArch prints it; finding it proves that the text was shown.
const SHOWN: &str = r"\x1b]52;c;eA==\x07\x1b[2J\u{9b}2J\x1bc\u{202e}\u{2066}\u{200f}\u{61c}";

/// Returns the first control sequence that DevArch does not use itself. DevArch sets colours, moves the cursor within
/// a line or by lines, erases lines and hides the cursor.
fn obeyed(screen: &str) -> Option<String> {
    let of_text = |c: char| matches!(c, '\x07' | '\x7f'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if let Some(at) = screen.find(of_text) {
        return Some(screen[at..].chars().take(20).collect());
    }
    for (at, _) in screen.match_indices('\x1b') {
        let sequence = &screen[at + 1..];
        let ours = sequence.strip_prefix('[').and_then(|rest| {
            let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
            Some(match &rest[end..=end] {
                "m" => !rest[..end].split(';').any(|parameter| parameter == "8"),
                "J" => rest[..end].is_empty(),
                letter => "ABCDGKhl".contains(letter),
            })
        });
        if ours != Some(true) {
            return Some(sequence.chars().take(20).collect());
        }
    }
    None
}

/// Returns what the program prints at a terminal; fails if it contains a raw control sequence.
fn screen(sandbox: &Sandbox, args: &[&str]) -> String {
    let screen = sandbox.at_terminal((200, 50), args).end().stdout;
    assert_eq!(obeyed(&screen), None, "devarch {args:?}: {screen:?}");
    screen
}

/// Like `screen`, but requires that the hostile text is shown in escaped form.
fn shows(sandbox: &Sandbox, args: &[&str]) -> String {
    let screen = screen(sandbox, args);
    assert!(screen.replace("\r\n", "").contains(SHOWN), "devarch {args:?}: {screen:?}");
    screen
}

#[test]
fn the_test_terminal_detects_a_raw_escape() {
    for hostile in
        [HOSTILE, "\x1b]0;x\x07", "\x1b[2J", "\u{9b}2J", "\x1bc", "\u{202e}", "\x1b[1;8m", "\x1b[3;1H"]
    {
        #[expect(clippy::disallowed_methods, reason = "a program that does nothing but write")]
        let mut raw = Command::new("/usr/bin/printf");
        raw.args(["%s", hostile]);
        let seen = AtTerminal::start((80, 24), raw).end().stdout;
        assert!(obeyed(&seen).is_some(), "{hostile:?}: {seen:?}");
    }
    assert_eq!(obeyed("\x1b[1;31merror:\x1b[0m \x1b[2K\x1b[1A\x1b[?25l"), None);
}

#[test]
fn files_arguments_and_the_catalog_cannot_control_the_terminal() {
    let sandbox = Sandbox::without_engine();
    let catalog = sandbox.home().join("catalog");
    fs::create_dir_all(&catalog).unwrap();
    let template = format!(
        "name: evil\nimage: busybox:1\ndescription: \"{QUOTED}\"\nenvironment: {{A: \"{QUOTED}\"}}\n\
         labels: {{a: \"{QUOTED}\"}}\ncommand: [\"{QUOTED}\"]\nconfig_files: {{/etc/a: \"{QUOTED}\"}}\n"
    );
    fs::write(catalog.join("evil.yml"), &template).unwrap();
    fs::write(sandbox.project().join("evil.yml"), &template).unwrap();
    let _ = screen(&sandbox, &["catalog", "add", "evil.yml", "--replace"]);
    shows(&sandbox, &["catalog", "list"]);
    shows(&sandbox, &["catalog", "search", "evil"]);
    let _ = screen(&sandbox, &["catalog", "show", "evil"]);
    sandbox.define("version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: { template: evil }\n");
    for args in [&["config"][..], &["config", "--json"], &["compose"], &["wire", "env", "/web"]] {
        let _ = screen(&sandbox, args);
    }
    let _ = screen(&sandbox, &["set", "/web", &format!("environment.A=new{HOSTILE}")]);
    arguments(&sandbox);
    fields(&sandbox);
    sandbox.write(&format!("version: \"1\"\nstacks:\n  {HOSTILE}: {{}}\n"));
    let _ = screen(&sandbox, &["up"]);
}

fn arguments(sandbox: &Sandbox) {
    for args in [
        &["up", HOSTILE][..],
        &["up", HOSTILE, "--json"],
        &[HOSTILE],
        &["stack", "create", HOSTILE],
        &["instance", "add", "shop", HOSTILE, "busybox"],
        &["set", "/web", HOSTILE],
        &["catalog", "show", HOSTILE],
        &["-C", HOSTILE, "status"],
        &["--engine", HOSTILE, "-vv", "up"],
        &["run", "/web", "--", HOSTILE],
    ] {
        let _ = screen(sandbox, args);
    }
}

fn fields(sandbox: &Sandbox) {
    for field in [
        "image",
        "platform",
        "working_dir",
        "hostname",
        "user",
        "network_mode",
        "pid",
        "ipc",
        "stop_signal",
        "restart",
        "dns",
        "cap_add",
        "devices",
        "security_opt",
        "group_add",
        "ports",
        "volumes",
        "tmpfs",
        "build",
        "healthcheck",
        "depends_on",
        "ulimits",
        "resources",
        "secrets",
        "no_such_field",
    ] {
        let text = format!("\"{QUOTED}\"");
        for value in [text.clone(), format!("[{text}]"), format!("{{{text}: {text}}}")] {
            sandbox.write(&format!(
                "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {{ template: evil, {field}: {value} }}\n"
            ));
            if value == text {
                let _ = screen(sandbox, &["up"]);
            } else {
                let shown = sandbox.run(&["up"]).to_string();
                assert_eq!(obeyed(&shown), None, "{field}: {value}: {shown:?}");
            }
        }
    }
}

fn containers_labels_and_processes_cannot_control_the_terminal(sandbox: &Sandbox) {
    let labels =
        [(label::STORE_ID, format!("store{HOSTILE}")), (label::STACK_NAME, format!("stack{HOSTILE}"))];
    let volume = PhysicalVolume::from_stored(sandbox.fixture().scope.name("labelled"));
    let labels = labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    sandbox.wait(sandbox.engine().create_volume(&volume, &labels)).unwrap();
    let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        shows(sandbox, &["adopt"]);
        let _ = screen(sandbox, &["adopt", "--json"]);
    }));
    sandbox.wait(sandbox.engine().remove_volume(&volume)).unwrap();
    seen.unwrap();

    let script = "printf '\\033]52;c;eA==\\007\\033[2J\\302\\2332J\\033c\\342\\200\\256\\342\\201\\246\\342\\200\\217\\330\\234 \\033[31mred\\n'";
    let wait = "trap 'exit 0' TERM; sleep 1000 & wait";
    sandbox.write(&format!(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web:\n        template: busybox\n        \
         environment: {{A: \"{QUOTED}\"}}\n        command: [sh, -c, \"{}; {wait}\"]\n",
        script.replace('\\', "\\\\")
    ));
    let _ = screen(sandbox, &["up", "--yes"]);
    let _ = screen(sandbox, &["plan", "--replace", "web", "--full"]);
    let colours = shows(sandbox, &["logs", "/web"]);
    assert!(colours.contains("\x1b[31mred\x1b[0m"), "{colours:?}");
    shows(sandbox, &["logs", "STACK"]);
    let _ = screen(sandbox, &["logs", "/web", "--json"]);
    let piped = sandbox.ok(&["logs", "/web"]).stdout;
    assert!(piped.contains(HOSTILE) && piped.contains(" \x1b[31mred\n"), "{piped:?}");
    let exact = sandbox.ok(&["exec", "/web", "--", "sh", "-c", script]).stdout;
    assert_eq!(exact, format!("{HOSTILE} \x1b[31mred\n"));
    let raw = sandbox.at_terminal((80, 24), &["exec", "/web", "--", "sh", "-c", script]).end().stdout;
    assert!(raw.contains(HOSTILE), "{raw:?}");

    sandbox.write(&format!(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {{ template: busybox, command: [sh, -c, \
         \"{}; exit 3\"] }}\n",
        script.replace('\\', "\\\\")
    ));
    shows(sandbox, &["up", "--yes"]);
    let _ = screen(sandbox, &["history"]);
    shows(sandbox, &["history", "show", "STACK"]);
    let _ = screen(sandbox, &["status"]);
    let history = sandbox.run(&["history", "show", "STACK"]).stdout;
    assert!(history.contains(SHOWN) && obeyed(&history).is_none(), "{history:?}");

    let (mut process, port) = listener(sandbox);
    sandbox.write(&format!(
        "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web: {{ template: busybox, ports: [\"{port}:80\"] }}\n"
    ));
    let shown = screen(sandbox, &["up", "--yes"]);
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(shown.contains(r"\x1b]2;owned\x07"), "{shown:?}");
}

/// Starts a process with a hostile name that holds a port.
fn listener(sandbox: &Sandbox) -> (Child, u16) {
    let program = sandbox.temporary().join("\x1b]2;owned\x07");
    symlink(env::current_exe().unwrap(), &program).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    #[expect(clippy::disallowed_methods, reason = "this test's own program, under another name")]
    let mut command = Command::new(program);
    command.args(["--exact", "a_process_holds_a_port"]).env(LISTENS, port.to_string());
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        thread::sleep(Duration::from_millis(20));
    }
    (child, port)
}

const LISTENS: &str = "DEVARCH_TEST_LISTENS";

/// Not a test: the body of the process that [`listener`] starts.
#[test]
fn a_process_holds_a_port() {
    if let Ok(port) = env::var(LISTENS) {
        let _held = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
        thread::sleep(Duration::from_mins(2));
    }
}
