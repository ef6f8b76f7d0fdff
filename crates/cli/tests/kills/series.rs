//! A series of kills, and the command that follows each.

use crate::{
    common::{Ran, Sandbox},
    objects::{Objects, rows},
    scenario::Scenario,
};
use devarch_core::engine::EngineKind;
use devarch_testkit::proxy::{Fault, FaultProxy, Moment};
use std::{
    env,
    hash::{BuildHasher as _, RandomState},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::Stdio,
};

/// Number of kills per scenario in a sample.
const SAMPLE: usize = 2;
/// A full series must contain at least this many kills inside an apply.
const LEAST: usize = 20;

/// The command after the kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The same command again.
    Again,
    /// `apply --resume`.
    Resume,
    /// `apply --undo`, then the desired state.
    Undo,
}

/// One kill.
#[derive(Debug, Clone, Copy)]
struct Case {
    /// The number of the call, starting at 1.
    at: usize,
    moment: Moment,
    next: Next,
}

/// The result of a kill.
struct Line {
    text: String,
    /// Whether the kill interrupted an apply.
    inside: bool,
    failure: Option<String>,
}

/// Pseudo-random numbers from a seed (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let limit = u64::try_from(limit).unwrap();
        usize::try_from((mixed ^ (mixed >> 31)) % limit).unwrap()
    }
}

/// Runs all scenarios in parallel, each in its own sandbox.
pub(crate) fn survives(kind: EngineKind) {
    let all = env::var_os("DEVARCH_TEST_LONG").is_some_and(|long| long == "1");
    let given = env::var("DEVARCH_TEST_SEED").ok();
    let seed = given.map_or_else(|| RandomState::new().hash_one(0), |seed| seed.parse().unwrap());
    let lanes: Option<Vec<Vec<Line>>> = std::thread::scope(|scope| {
        let lane = |(scenario, number)| {
            let dice = (!all).then_some(Dice(seed ^ number));
            scope.spawn(move || lane(kind, scenario, dice))
        };
        let lanes: Vec<_> = Scenario::ALL.into_iter().zip(1..).map(lane).collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).collect()
    });
    let Some(lanes) = lanes else { return };
    let kills: Vec<Line> = lanes.into_iter().flatten().collect();
    let what = if all { "every call".to_owned() } else { format!("seed {seed}") };
    report(kind, &kills, &what);
    let inside = kills.iter().filter(|line| line.inside).count();
    let least = if all { LEAST } else { Scenario::ALL.len() };
    assert!(inside >= least, "only {inside} kills fell into an apply");
    let failures: Vec<&str> = kills.iter().filter_map(|line| line.failure.as_deref()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn report(kind: EngineKind, lines: &[Line], what: &str) {
    let failed = lines.iter().filter(|line| line.failure.is_some()).count();
    let inside = lines.iter().filter(|line| line.inside).count();
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    let text = format!(
        "{kind}, {what}: {} kills, {inside} of them inside an apply\n{}\n",
        lines.len(),
        texts.join("\n")
    );
    println!("{text}survived {} of {}", lines.len() - failed, lines.len());
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kills-{}.txt", kind.as_str()));
    std::fs::write(file, text).unwrap();
}

/// The kills of one scenario, up to the first failure.
fn lane(kind: EngineKind, scenario: Scenario, dice: Option<Dice>) -> Option<Vec<Line>> {
    let sandbox = Sandbox::on(kind)?;
    scenario.begin(&sandbox);
    let calls = baseline(&sandbox, scenario);
    let cases = match dice {
        None => every(calls),
        Some(dice) => sample(calls, dice),
    };
    let mut lines = Vec::new();
    for (case, round) in cases.into_iter().zip(2..) {
        let Some(line) = kill(&sandbox, scenario, case, (round, calls)) else { continue };
        let failed = line.failure.is_some();
        lines.push(line);
        if failed {
            break;
        }
    }
    Some(lines)
}

/// Before and after every call, with rotating follow-up commands.
fn every(calls: usize) -> Vec<Case> {
    let nexts = [Next::Again, Next::Resume, Next::Undo];
    let moments = (1..=calls).flat_map(|at| [(at, Moment::Before), (at, Moment::After)]);
    moments.zip(nexts.into_iter().cycle()).map(|((at, moment), next)| Case { at, moment, next }).collect()
}

/// A random call in each part of the apply.
fn sample(calls: usize, mut dice: Dice) -> Vec<Case> {
    let nexts = [Next::Again, Next::Resume, Next::Undo];
    let first = dice.below(nexts.len());
    let case = |part: usize| {
        let (from, to) = (calls * part / SAMPLE, calls * (part + 1) / SAMPLE);
        let at = from + 1 + dice.below((to - from).max(1));
        let moment = [Moment::Before, Moment::After][dice.below(2)];
        Case { at, moment, next: nexts[(first + part) % nexts.len()] }
    };
    (0..SAMPLE).map(case).collect()
}

/// Runs the scenario without a kill in the first round; returns its number of calls.
fn baseline(sandbox: &Sandbox, scenario: Scenario) -> usize {
    let before_rows = scenario.prepare(sandbox, 1);
    let before = Objects::observe(sandbox);
    let (ran, calls) = through_proxy(sandbox, scenario.command(), None);
    assert_eq!(ran.code, 0, "{scenario:?}\n{ran}");
    let now = Objects::observe(sandbox);
    scenario
        .is_done(sandbox, 1, [&before, &now])
        .unwrap_or_else(|wrong| panic!("{scenario:?}: {wrong}\n{ran}"));
    assert_eq!(rows_again(sandbox), before_rows);
    calls.len()
}

/// Runs a command through the proxy; also returns its changing calls.
fn through_proxy(sandbox: &Sandbox, args: &[&str], fault: Option<(usize, Fault)>) -> (Ran, Vec<String>) {
    let _runtime = sandbox.enter();
    let proxy = FaultProxy::start(&sandbox.endpoint(), fault);
    let mut command = sandbox.command_at(&proxy.endpoint(), args);
    let ran = sandbox.end(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    (ran, proxy.calls().iter().map(ToString::to_string).collect())
}

/// The number of rows; brings the stack up first if it is down.
fn rows_again(sandbox: &Sandbox) -> u64 {
    if !Objects::observe(sandbox).is_up() {
        sandbox.ok(&["up", "--yes"]);
    }
    rows(sandbox)
}

/// Kills the command once and continues; `None` if it made fewer calls this time.
fn kill(sandbox: &Sandbox, scenario: Scenario, case: Case, (round, calls): (usize, usize)) -> Option<Line> {
    let rows_before = scenario.prepare(sandbox, round);
    let before = Objects::observe(sandbox);
    let fault = Some((case.at, Fault::Kill(case.moment)));
    let (ran, made) = through_proxy(sandbox, scenario.command(), fault);
    let call = made.get(case.at - 1)?.replace(&sandbox.stack, "STACK");
    let inside = sandbox.json(&["history", "STACK", "-n", "1"])[0]["outcome"] == "not_yet";
    let description = format!(
        "{scenario:?}, call {} of {calls}, {call}, killed {:?}{}, then {:?}",
        case.at,
        case.moment,
        if inside { "" } else { " (outside an apply)" },
        case.next
    );
    let judged = catch_unwind(AssertUnwindSafe(|| {
        assert_eq!(ran.code, -1, "it was not killed\n{ran}");
        continue_with(sandbox, scenario, case.next, &before);
        let now = Objects::observe(sandbox);
        scenario.is_done(sandbox, round, [&before, &now]).unwrap_or_else(|wrong| panic!("{wrong}"));
        sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
        (now.compared(&before), rows_again(sandbox))
    }));
    let (ids, rows_after) = match judged {
        Ok(seen) => seen,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            let failure = Some(format!("{description}: {text}"));
            return Some(Line { text: format!("{description}: FAILED"), inside, failure });
        }
    };
    let text = format!("{description}: rows {rows_before} -> {rows_after}; {ids}");
    let lost = (rows_after != rows_before).then(|| format!("rows were lost: {text}"));
    Some(Line { text, inside, failure: lost })
}

/// Runs the follow-up command, which reaches the desired state or restores the previous one.
fn continue_with(sandbox: &Sandbox, scenario: Scenario, next: Next, before: &Objects) {
    let apply: &[&str] = &["apply", "STACK", "--yes"];
    match next {
        // A second rollback would start from the first one's target.
        Next::Again if scenario == Scenario::Rollback => drop(sandbox.ok(apply)),
        Next::Again => drop(sandbox.ok(scenario.command())),
        Next::Resume => {
            let ran = sandbox.run(&["apply", "STACK", "--resume", "--yes"]);
            // The command was killed before its apply began.
            let nothing = ran.stderr.contains("so there is nothing to resume");
            assert!(ran.code == 0 || nothing, "{ran}");
            if nothing {
                sandbox.ok(apply);
            }
        }
        Next::Undo => {
            let ran = sandbox.run(&["apply", "STACK", "--undo", "--yes"]);
            let forward = ran.stderr.contains("it cannot be undone");
            assert!(ran.code == 0 || forward, "{ran}");
            let now = Objects::observe(sandbox);
            assert!(forward || now == *before, "undone\nbefore: {before:#?}\nnow: {now:#?}\n{ran}");
            sandbox.ok(apply);
        }
    }
}
