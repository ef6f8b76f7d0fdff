//! The cost of untrusted files: time, memory, lines of output. A freshly cloned repository may contain anything.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Ran, Sandbox};
use devarch_core::engine::EngineKind;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Memory limit of a command, in KiB.
const MOST: u64 = 300 << 10;

/// A command that takes longer counts as hanging; generous, because tests share the machine.
const HANG: Duration = Duration::from_mins(2);

/// Peak memory of a process, in KiB; polled, because it cannot be read after the exit.
fn peak(child: &Child) -> thread::JoinHandle<u64> {
    let status = format!("/proc/{}/status", child.id());
    thread::spawn(move || {
        let mut most = 0;
        while let Some(now) = fs::read_to_string(&status).ok().and_then(|text| high_water(&text)) {
            most = most.max(now);
            thread::sleep(Duration::from_millis(2));
        }
        most
    })
}

fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Runs the program to its exit; returns its result and peak memory.
fn measured(sandbox: &Sandbox, args: &[&str]) -> (Ran, u64) {
    let mut command = sandbox.command(args);
    // Output goes to a file, so a full pipe cannot block it.
    let files = ["out", "err"].map(|name| sandbox.temporary().join(name));
    let [out, err] = files.each_ref().map(|path| fs::File::create(path).unwrap());
    let mut child = command.stdout(Stdio::from(out)).stderr(Stdio::from(err)).spawn().unwrap();
    let peak = peak(&child);
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > HANG {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("devarch {args:?} does not end");
        }
        thread::sleep(Duration::from_millis(5));
    };
    let [stdout, stderr] = files.map(|path| fs::read_to_string(path).unwrap());
    (Ran { code: status.code().unwrap_or(-1), stdout, stderr }, peak.join().unwrap())
}

/// Plans a devarch.yml and checks the message, the memory and the amount of output.
fn planned(sandbox: &Sandbox, what: &str, text: &str, words: &str) -> Ran {
    assert!(text.len() <= 1 << 20, "{what}: {}", text.len());
    sandbox.write(text);
    let (ran, peak) = measured(sandbox, &["up", "--yes"]);
    let begin: String = ran.to_string().chars().take(2_000).collect();
    assert!(peak > 0 && peak < MOST, "{what}: {peak} KiB\n{begin}");
    assert!(ran.stderr.contains(words), "{what}\n{begin}");
    assert!(ran.stderr.len() < 200 << 10, "{what}: {} bytes of errors", ran.stderr.len());
    ran
}

const HEAD: &str = "version: \"1\"\nstacks:\n  shop:\n    instances:\n";

fn repeated(times: usize, line: impl FnMut(usize) -> String) -> String {
    (0..times).map(line).collect()
}

#[test]
fn thousands_of_errors_are_counted_and_fifty_are_shown() {
    let sandbox = Sandbox::without_engine();
    let entries = repeated(8_000, |at| format!("      Bad_{at}: x\n"));
    // Each has an invalid name and an invalid value, and there are too many instances.
    planned(
        &sandbox,
        "instances",
        &format!("{HEAD}{entries}"),
        "it has 8000 instances; a stack may have at most 1000",
    );
    let entries = repeated(8_000, |at| format!("        bad{at}: x\n"));
    let text = format!("{HEAD}      web:\n        template: busybox\n{entries}");
    let ran = planned(&sandbox, "fields", &text, "unknown field `bad0`");
    assert_eq!(ran.code, 3);
    assert_eq!(ran.stderr.matches("unknown field").count(), 50);
    assert!(
        ran.stderr.contains("unknown field `bad49`") && !ran.stderr.contains("unknown field `bad50`"),
        "{ran}"
    );
    assert!(ran.stderr.contains("and 7,950 more"), "{ran}");
    let flow = repeated(20_000, |at| format!("b{at}: x, "));
    let text = format!("{HEAD}      web: {{template: busybox, {flow}}}\n");
    planned(
        &sandbox,
        "errors on one long line",
        &text,
        "devarch.yml:5:32: stacks.shop.instances.web.b0: unknown field",
    );
}

#[test]
fn a_devarch_yml_of_a_megabyte_takes_little_memory_and_time() {
    let sandbox = Sandbox::without_engine();
    let instance = |body: &str| format!("{HEAD}      web:\n        template: busybox\n{body}");
    let deep = format!("{}x{}", "[".repeat(200), "]".repeat(200));
    planned(&sandbox, "deep nesting", &format!("x-deep: {deep}\n"), "nested more than 64 deep");
    let deep = repeated(4_000, |at| format!("{}k:\n", " ".repeat(at % 200)));
    planned(&sandbox, "deep blocks", &format!("x-deep:\n{deep}"), "devarch.yml");

    let mut bomb = "x-0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..9 {
        let _ = writeln!(bomb, "x-{n}: &a{n} [{}]", vec![format!("*a{}", n - 1); 10].join(", "));
    }
    planned(&sandbox, "aliases of aliases", &bomb, "it has more than 500,000 values");
    let aliases = repeated(90, |_| "*a, ".to_owned());
    let bomb = format!("x-a: &a {}\nx-b: [{aliases}]\n", "y".repeat(900 << 10));
    planned(&sandbox, "aliases of a text", &bomb, "more than 16,777,216 bytes");

    let huge = "y".repeat(1_000_000);
    planned(&sandbox, "a huge scalar", &instance(&format!("        image: {huge}\n")), "error");
    planned(&sandbox, "a huge key", &instance(&format!("        ? {huge}\n        : x\n")), "unknown field");
    planned(
        &sandbox,
        "many values",
        &format!("x-many: [{}]\n{HEAD}", "1,".repeat(500_000)),
        "500,000 values",
    );

    let ports = repeated(5_000, |at| format!("          - \"{}\"\n", at + 1));
    planned(&sandbox, "many ports", &instance(&format!("        ports:\n{ports}")), "error");
    let files = repeated(20_000, |at| format!("          /f{at}: {{content: x}}\n"));
    planned(&sandbox, "many files", &instance(&format!("        config_files:\n{files}")), "error");
    let variables = repeated(50_000, |at| format!("          V{at}: x\n"));
    planned(&sandbox, "many variables", &instance(&format!("        environment:\n{variables}")), "error");
    let instances = repeated(30_000, |at| format!("      i{at}: {{template: busybox}}\n"));
    planned(&sandbox, "many instances", &format!("{HEAD}{instances}"), "at most 1000");
    let instances = repeated(1_000, |at| format!("      i{at}: {{template: busybox}}\n"));
    planned(&sandbox, "a thousand instances", &format!("{HEAD}{instances}"), "find an engine");
    let variables = repeated(20_000, |at| format!("      V{at}: {}\n", "y".repeat(20)));
    let instances = repeated(1_000, |at| format!("      i{at}: {{template: big}}\n"));
    let text = format!(
        "version: \"1\"\ntemplates:\n  big:\n    image: x\n    environment:\n{variables}stacks:\n  shop:\n    instances:\n{instances}"
    );
    planned(&sandbox, "a large template, many times", &text, "a stack may have at most 16 MiB");
}

fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[test]
fn special_files_in_a_project_are_refused_without_blocking() {
    let sandbox = Sandbox::without_engine();
    let project = sandbox.project();
    pipe(&project.join("pipe"));
    symlink("/dev/zero", project.join("zero")).unwrap();
    symlink("pipe", project.join("to-pipe")).unwrap();
    fs::create_dir(project.join("directory")).unwrap();
    fs::File::create(project.join("large")).unwrap().set_len((16 << 20) + 1).unwrap();
    fs::File::create(project.join("secret")).unwrap().set_len((1 << 20) + 1).unwrap();
    fs::write(project.join("refers"), format!("{}${{secret:PW}}", "x".repeat(1 << 20))).unwrap();
    let file = |name: &str, more: &str| {
        format!("{HEAD}      web: {{template: busybox, config_files: {{/x: {{file: ./{name}{more}}}}}}}\n")
    };
    for (name, more, words) in [
        ("pipe", "", "it is a named pipe, not a regular file"),
        ("to-pipe", "", "it is a named pipe, not a regular file"),
        ("zero", "", "it is a device, not a regular file"),
        ("directory", "", "it is a directory, not a regular file"),
        ("large", "", "large has 16,777,217 bytes; a config file may have at most 16 MiB (16,777,216 bytes)"),
        (
            "secret",
            ", secret: true",
            "secret has 1,048,577 bytes; a config file that is secret may have at most 1 MiB",
        ),
        (
            "refers",
            "",
            "refers: it refers to secrets and has 1048588 bytes; a config file with secrets may have at most 1 MiB",
        ),
    ] {
        sandbox.write(&file(name, more));
        let (ran, peak) = measured(&sandbox, &["plan"]);
        assert_eq!(ran.code, 3, "{name}\n{ran}");
        assert!(ran.stderr.contains(words) && ran.stderr.contains("config_files./x"), "{name}\n{ran}");
        assert!(peak < MOST, "{name}: {peak} KiB");
    }
    sandbox.write(&"#".repeat((8 << 20) + 1));
    let ran = measured(&sandbox, &["plan"]).0;
    assert_eq!(ran.code, 3, "{ran}");
    assert!(
        ran.stderr.contains("devarch.yml has 8,388,609 bytes; a devarch.yml may have at most 8 MiB"),
        "{ran}"
    );

    fs::create_dir(project.join("catalog")).unwrap();
    pipe(&project.join("catalog/mine.yaml"));
    sandbox.write(&format!("{HEAD}      web: {{template: mine}}\n"));
    let ran = measured(&sandbox, &["up", "--yes"]).0;
    assert!(ran.code == 3 && ran.stderr.contains("mine.yaml is a named pipe, not a regular file"), "{ran}");
    fs::remove_file(project.join("catalog/mine.yaml")).unwrap();
    let large = project.join("catalog/mine.yaml");
    fs::write(&large, format!("image: x\nx-pad: {}\n", "y".repeat(1 << 20))).unwrap();
    let ran = measured(&sandbox, &["catalog", "add", large.to_str().unwrap()]).0;
    assert!(ran.code == 3 && ran.stderr.contains("a template may have at most 1 MiB"), "{ran}");
    let compose = project.join("compose.yml");
    fs::write(&compose, "services: {web: {image: x}}\n").unwrap();
    pipe(&project.join(".env"));
    let ran = measured(&sandbox, &["init", "--force", "--from", "compose.yml", "--yes"]).0;
    assert!(ran.code == 3 && ran.stderr.contains(".env is a named pipe, not a regular file"), "{ran}");
}

#[test]
fn a_pipe_on_the_command_line_is_read_up_to_the_limit() {
    let sandbox = Sandbox::without_engine();
    sandbox.define(&format!("{HEAD}      web: {{template: busybox}}\n"));
    let path = sandbox.project().join("pipe");
    pipe(&path);
    let write = |text: Vec<u8>| {
        let path = path.clone();
        thread::spawn(move || fs::write(path, text))
    };
    let writer = write(b"hunter2".to_vec());
    sandbox.ok(&["secret", "set", "shop", "KEY", "--from-file", "pipe"]);
    writer.join().unwrap().unwrap();
    let writer = write(vec![b'x'; 1 << 20]);
    let (ran, _) = measured(&sandbox, &["secret", "set", "shop", "KEY", "--from-file", "pipe"]);
    assert!(ran.code == 3 && ran.stderr.contains("pipe has more than 524,288 bytes"), "{ran}");
    let _ = writer.join().unwrap();
    let (ran, _) = measured(&sandbox, &["secret", "set", "shop", "KEY", "--from-file", "/dev/zero"]);
    assert!(ran.code == 3 && ran.stderr.contains("/dev/zero is a device, not a regular file"), "{ran}");
    let writer = write(b"services: {web: {image: busybox}}\n".to_vec());
    sandbox.ok(&["init", "--force", "--from", "pipe", "--yes"]);
    writer.join().unwrap().unwrap();
}

fn a_dockerignore_that_is_a_pipe(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    fs::write(sandbox.project().join("Dockerfile"), "FROM busybox\n").unwrap();
    pipe(&sandbox.project().join(".dockerignore"));
    sandbox.write(
        "version: \"1\"\ntemplates:\n  app: {build: .}\nstacks:\n  STACK:\n    instances:\n      web: {template: app}\n",
    );
    let (ran, _) = measured(&sandbox, &["up", "--yes"]);
    assert!(ran.code != 0, "{ran}");
    assert!(ran.stderr.contains(".dockerignore: it is a named pipe, not a regular file"), "{ran}");
    assert_eq!(sandbox.containers(), 0);
}

#[test]
fn a_dockerignore_that_is_a_pipe_is_refused_at_once_on_docker() {
    a_dockerignore_that_is_a_pipe(EngineKind::Docker);
}

#[test]
fn a_dockerignore_that_is_a_pipe_is_refused_at_once_on_podman() {
    a_dockerignore_that_is_a_pipe(EngineKind::Podman);
}

/// Declines the plan after it was shown.
fn many_of_everything(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    let of = |field: &str, count: usize, line: &dyn Fn(usize) -> String| {
        let lines = repeated(count, line);
        format!(
            "version: \"1\"\nstacks:\n  STACK:\n    instances:\n      web:\n        template: busybox\n        {field}:\n{lines}"
        )
    };
    for (what, text) in [
        ("variables", of("environment", 50_000, &|at| format!("          V{at}: x\n"))),
        ("config files", of("config_files", 20_000, &|at| format!("          /f{at}: {{content: x}}\n"))),
    ] {
        sandbox.write(&text);
        let (ran, peak) = measured(&sandbox, &["up"]);
        let begin: String = ran.to_string().chars().take(2_000).collect();
        assert!(ran.code == 5 && ran.stderr.contains("web  will be created"), "{what}\n{begin}");
        assert!(peak < MOST, "{what}: {peak} KiB");
    }
}

#[test]
fn a_plan_of_a_megabyte_takes_little_memory_on_docker() {
    many_of_everything(EngineKind::Docker);
}

#[test]
fn a_plan_of_a_megabyte_takes_little_memory_on_podman() {
    many_of_everything(EngineKind::Podman);
}

const FILES: usize = 12;
const BYTES: usize = 15 << 20;

/// A text of that size, starting with its name and without repetitions.
fn large(name: &str) -> String {
    let mut text = String::with_capacity(BYTES + 32);
    let mut line = 0;
    while text.len() < BYTES {
        let _ = writeln!(text, "{name} {line:012}");
        line += 1;
    }
    text.truncate(BYTES);
    text
}

/// The size of the database files.
fn database_size(sandbox: &Sandbox) -> u64 {
    let Ok(files) = fs::read_dir(sandbox.home()) else { return 0 };
    let files = files.map(|entry| entry.unwrap());
    let files = files.filter(|file| file.file_name().to_string_lossy().starts_with("devarch.db"));
    files.map(|file| file.metadata().unwrap().len()).sum()
}

fn large_config_files(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    let file = |at: usize| sandbox.project().join(format!("{at}.conf"));
    for at in 0..FILES {
        fs::write(file(at), large(&format!("file {at}"))).unwrap();
    }
    let of = |range: std::ops::Range<usize>| {
        range.map(|at| format!("/etc/{at}.conf: {{file: ./{at}.conf}}")).collect::<Vec<_>>().join(", ")
    };
    // Eight files in separate containers, four together in one.
    let alone = repeated(8, |at| {
        format!(
            "      web{at}: {{template: busybox, command: [sleep, \"1000\"], config_files: {{{}}}}}\n",
            of(at..at + 1)
        )
    });
    let together = format!(
        "      all: {{template: busybox, command: [sleep, \"1000\"], config_files: {{{}}}}}\n",
        of(8..12)
    );
    sandbox.write(&format!("version: \"1\"\nstacks:\n  STACK:\n    instances:\n{alone}{together}"));
    let small = database_size(&sandbox);

    let (ran, peak) = measured(&sandbox, &["up", "--yes"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(peak << 10 < (BYTES + (150 << 20)) as u64, "up: {peak} KiB");
    let sums = |instance: &str, at: usize| {
        let (instance, path) = (format!("/{instance}"), format!("/etc/{at}.conf"));
        let inside = sandbox.ok(&["exec", &instance, "--", "sha256sum", &path]).stdout;
        inside.split_whitespace().next().unwrap().to_owned()
    };
    let sum = |at: usize| {
        devarch_core::content::ContentDigest::from_text(&fs::read_to_string(file(at)).unwrap()).to_string()
    };
    assert_eq!(sums("web3", 3), sum(3));
    assert_eq!(sums("all", 11), sum(11));
    let full = database_size(&sandbox);
    let contents = (FILES * BYTES) as u64;
    assert!(full > contents && full < small + contents + contents / 4, "{full} bytes for {contents}");

    let (ran, peak) = measured(&sandbox, &["status"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(peak < 60 << 10, "status: {peak} KiB");
    let (ran, peak) = measured(&sandbox, &["plan"]);
    assert!(ran.code == 0 && ran.to_string().contains("No changes"), "{ran}");
    // Reads the files again, one at a time.
    assert!(peak << 10 < (BYTES + (60 << 20)) as u64, "plan: {peak} KiB");

    fs::write(file(3), large("another")).unwrap();
    let (ran, peak) = measured(&sandbox, &["up", "--yes"]);
    assert!(ran.code == 0 && ran.stderr.contains("config_files./etc/3.conf"), "{ran}");
    assert!(ran.stderr.contains(", sha256 ") && !ran.stderr.contains("another 0"), "{ran}");
    assert!(peak << 10 < (BYTES + (150 << 20)) as u64, "up again: {peak} KiB");
    assert_eq!(sums("web3", 3), sum(3));
    let (ran, _) = measured(&sandbox, &["rollback", &sandbox.stack, "--yes"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(sums("web3", 3) != sum(3));

    let directory = sandbox.temporary().join("compose");
    sandbox.ok(&["compose", "--dir", directory.to_str().unwrap()]);
    assert_eq!(fs::read(directory.join("all/etc/11.conf")).unwrap(), fs::read(file(11)).unwrap());
    sandbox.ok(&["down", "--yes"]);
    sandbox.ok(&["stack", "delete", &sandbox.stack, "--yes"]);
    let left = database_size(&sandbox);
    assert!(left < small + (6 << 20), "{left} bytes are left, {small} before");
}

#[test]
fn large_config_files_are_stored_once_and_never_all_in_memory_on_docker() {
    large_config_files(EngineKind::Docker);
}

#[test]
fn large_config_files_are_stored_once_and_never_all_in_memory_on_podman() {
    large_config_files(EngineKind::Podman);
}
