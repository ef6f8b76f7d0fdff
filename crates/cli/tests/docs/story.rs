//! The README's first commands, run on both engines as they stand there.

use crate::{
    common::{Ran, World},
    page::pages,
};
use devarch_core::engine::EngineKind;
use devarch_testkit::scope::free_port;
use std::{fs, path::Path};

mod docker {
    #[test]
    fn the_readmes_first_commands_work() {
        super::tells(super::EngineKind::Docker);
    }
}

mod podman {
    #[test]
    fn the_readmes_first_commands_work() {
        super::tells(super::EngineKind::Podman);
    }
}

/// The lines of the README's story, without comments.
fn story() -> Vec<String> {
    let readme = pages().into_iter().find(|page| page.path == "README.md").unwrap();
    let blocks = readme.blocks().into_iter().filter(|block| block.story);
    let lines = blocks.flat_map(|block| block.text.lines().map(str::to_owned).collect::<Vec<_>>());
    lines.map(|line| line.split(" #").next().unwrap().trim_end().to_owned()).collect()
}

fn tells(kind: EngineKind) {
    let Some(world) = World::on(kind) else { return };
    let (mut lines, port) = (story().into_iter(), free_port().to_string());
    assert_eq!(lines.next().as_deref(), Some("mkdir shop && cd shop"));
    let directory = world.project().join(&world.stack);
    fs::create_dir(&directory).unwrap();
    let mut seen = 0;
    for line in lines {
        let line = line.replace("shop", &world.stack).replace("15432", &port);
        let words = shlex::split(&line).unwrap();
        assert_eq!(words[0], "devarch", "{line}");
        let ran = run(&world, &directory, &words[1..]);
        assert_eq!(ran.code, 0, "{line}\n{ran}");
        seen += 1;
    }
    assert!(seen > 5, "the README's story has only {seen} commands");
    let status = run(&world, &directory, &["status".to_owned(), world.stack.clone()]).stdout;
    assert!(status.contains(&format!(":{port}->5432/tcp")), "{status}");
}

/// Runs the program in that directory, and answers its questions with yes.
fn run(world: &World, directory: &Path, args: &[String]) -> Ran {
    let args: Vec<&str> = args.iter().map(String::as_str).chain(["--yes"]).collect();
    let mut command = world.command(&args);
    command.current_dir(directory).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    world.end(command.spawn().unwrap())
}
