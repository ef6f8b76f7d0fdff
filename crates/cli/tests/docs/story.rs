//! Runs the README's commands on both engines.

use crate::{
    common::{Ran, Sandbox},
    page::pages,
};
use devarch_core::{engine::EngineKind, name::PhysicalVolume};
use devarch_testkit::scope::free_port;
use std::{fs, path::Path, process::Stdio};

mod docker {
    #[test]
    fn the_readmes_commands_work() {
        super::run_readme(super::EngineKind::Docker);
    }
}

mod podman {
    #[test]
    fn the_readmes_commands_work() {
        super::run_readme(super::EngineKind::Podman);
    }
}

/// The README's story blocks, as lines without comments.
fn story() -> Vec<Vec<String>> {
    let readme = pages().into_iter().find(|page| page.path == "README.md").unwrap();
    let line = |line: &str| line.split(" #").next().unwrap().trim_end().to_owned();
    let blocks = readme.blocks().into_iter().filter(|block| block.story);
    blocks.map(|block| block.text.lines().map(line).collect()).collect()
}

fn run_readme(kind: EngineKind) {
    let Some(sandbox) = Sandbox::on(kind) else { return };
    let (mut blocks, port) = (story().into_iter(), free_port().to_string());
    let mut first = blocks.next().unwrap();
    assert_eq!(first.remove(0), "mkdir shop && cd shop");
    let directory = sandbox.project().join(&sandbox.stack);
    fs::create_dir(&directory).unwrap();
    for line in &first {
        step(&sandbox, &directory, &line.replace("15432", &port));
    }
    let status = run(&sandbox, &directory, &["status".to_owned(), sandbox.stack.clone()]).stdout;
    assert!(status.contains(&format!(":{port}->5432/tcp")), "{status}");
    for line in blocks.flatten() {
        step(&sandbox, &directory, &line);
    }
    let left = run(&sandbox, &directory, &["stack".to_owned(), "list".to_owned()]).stdout;
    let kept = left.lines().filter(|line| line.starts_with("STACK")).count();
    assert_eq!(kept, 2, "the heading, and the second checkout's stack:\n{left}");
}

/// Runs one line, with a unique stack name.
fn step(sandbox: &Sandbox, directory: &Path, line: &str) {
    let line = line.replace("shop", &sandbox.stack);
    let words = shlex::split(&line).unwrap();
    if let ["docker", "volume", "rm", volume] = words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        let volume = PhysicalVolume::from_stored(volume);
        return sandbox.wait(sandbox.engine().remove_volume(&volume)).unwrap();
    }
    assert_eq!(words[0], "devarch", "{line}");
    let ran = run(sandbox, directory, &words[1..]);
    assert_eq!(ran.code, 0, "{line}\n{ran}");
}

/// Runs the program in a directory and confirms its questions.
fn run(sandbox: &Sandbox, directory: &Path, args: &[String]) -> Ran {
    let args: Vec<&str> = args.iter().map(String::as_str).chain(["--yes"]).collect();
    let mut command = sandbox.command(&args);
    command.current_dir(directory).stdout(Stdio::piped()).stderr(Stdio::piped());
    sandbox.end(command.spawn().unwrap())
}
