//! Random inputs: documents are processed in this process, command lines by the program.
//!
//! `DEVARCH_FUZZ_SECONDS` sets the duration (60 by default) and `DEVARCH_FUZZ_SEED` the first seed, which is printed.
//! Findings are stored in `findings/` and replayed first in every run.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "the seed and the counts are printed")]

#[path = "../common/mod.rs"]
mod common;

mod arguments;
mod document;
mod inside;
mod limits;
mod program;
mod random;
mod tree;
mod words;

use random::Random;
use std::{
    env, fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// The share of the time for documents, which are a thousand times faster than commands.
const DOCUMENTS: u32 = 3;
/// The share of the time for command lines.
const COMMANDS: u32 = 2;

/// The duration of a part.
fn time(share: u32) -> Duration {
    let seconds = env::var("DEVARCH_FUZZ_SECONDS").map_or(60, |seconds| seconds.parse().unwrap());
    Duration::from_secs(seconds) * share / (DOCUMENTS + COMMANDS)
}

/// The first seed of this run.
fn seed() -> u64 {
    let now = || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let seed = env::var("DEVARCH_FUZZ_SEED").map_or_else(|_| now(), |seed| seed.parse().unwrap());
    println!("DEVARCH_FUZZ_SEED={seed}");
    seed
}

/// The document of a seed; most of them are valid or nearly so.
fn document(seed: u64) -> String {
    let mut random = Random::new(seed);
    let mut tree = document::project(&mut random);
    if random.once_in(8) {
        for _ in 0..=random.below(3) {
            tree::mutate(&mut tree, &mut random);
        }
    }
    let mut text = tree::yaml(&tree, &mut random);
    if random.once_in(10) {
        for _ in 0..=random.below(2) {
            tree::smear(&mut text, &mut random);
        }
    }
    text
}

/// Stored findings with this extension.
fn findings(ending: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/findings");
    let mut files: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|given| given == ending));
    files.sort();
    files
}

#[test]
fn random_documents_are_planned_or_refused_within_limits() {
    for finding in findings("yml") {
        limits::within_limits(
            &finding.display().to_string(),
            &fs::read_to_string(&finding).unwrap(),
            inside::run,
        );
    }
    let (first, begun) = (seed(), std::time::Instant::now());
    let mut reached = [0_u32; 3];
    let mut seed = first;
    while begun.elapsed() < time(DOCUMENTS) {
        let text = document(seed);
        reached[limits::within_limits(&format!("DEVARCH_FUZZ_SEED={seed}"), &text, inside::run) as usize] +=
            1;
        seed = seed.wrapping_add(1);
    }
    let [refused, read, planned] = reached;
    println!(
        "{} documents: {planned} planned, {read} read only, {refused} refused",
        seed.wrapping_sub(first)
    );
    assert!(planned * 3 >= planned + read + refused, "too few reach the planner: {reached:?}");
}

#[test]
fn random_command_lines_exit_with_a_documented_code_within_limits() {
    let sandbox = program::Sandbox::new();
    for finding in findings("args") {
        let words = fs::read_to_string(&finding).unwrap();
        sandbox.run(&finding.display().to_string(), &serde_json::from_str::<Vec<String>>(&words).unwrap());
    }
    for finding in findings("yml") {
        sandbox.write(&fs::read_to_string(&finding).unwrap());
        sandbox.run(&finding.display().to_string(), &["plan".to_owned()]);
    }
    let (first, begun) = (seed(), std::time::Instant::now());
    let commands = arguments::Commands::from_help(&sandbox);
    let mut seed = first;
    while begun.elapsed() < time(COMMANDS) {
        let mut random = Random::new(seed);
        if random.once_in(3) {
            sandbox.write(&document(seed));
        }
        sandbox.run(&format!("DEVARCH_FUZZ_SEED={seed}"), &commands.line(&mut random));
        seed = seed.wrapping_add(1);
    }
    println!("{} command lines", seed.wrapping_sub(first));
}
