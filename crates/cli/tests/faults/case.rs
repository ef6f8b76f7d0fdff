//! One apply with one faulty call, and the checks afterwards.

use crate::{
    common::{Ran, Sandbox},
    database::Database,
    picture::Picture,
    scenario::{Scenario, is_clean},
    trouble::{Aftermath, Trouble},
};
use devarch_core::engine::EngineKind;
use devarch_testkit::proxy::{Fault, FaultProxy, Moment};
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    process::Stdio,
};

/// DevArch's engine timeout in seconds for calls that hang. Other calls get the default, for busy machines.
const PATIENCE: &str = "3";
/// Upper limit of calls in an apply.
const MOST_CALLS: usize = 40;
/// Stacks per test that run in parallel, since they mostly wait.
const LANES: usize = 2;

/// A sandbox and its store. The sandbox is dropped first, because it cleans up with data from the store.
struct Scene {
    sandbox: Sandbox,
    database: Database,
}

/// The scenario, the fault and its position.
#[derive(Debug, Clone, Copy)]
struct Case {
    scenario: Scenario,
    trouble: Trouble,
    /// The number of the faulty call, starting at 1.
    at: usize,
}

/// The result of one faulty apply.
struct Attempt {
    before: Picture,
    ran: Ran,
    /// The call that failed; `None` if there were fewer calls.
    broken: Option<String>,
}

/// The state that the stack is in as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Exactly the previous containers.
    Old,
    /// Exactly the desired state.
    New,
}

/// The result of one lane.
struct Lane {
    /// The number of faulty calls.
    calls: usize,
    failures: Vec<String>,
}

/// Repeats the apply with a fault at each of its calls. Prints how many calls there were and how many were survived.
pub(crate) fn survives(kind: EngineKind, scenario: Scenario, trouble: Trouble) {
    let lanes: Option<Vec<Lane>> = std::thread::scope(|scope| {
        let lane = |first| scope.spawn(move || walk(kind, Case { scenario, trouble, at: first }));
        let lanes: Vec<_> = (1..=LANES).map(lane).collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).collect()
    });
    let Some(lanes) = lanes else { return };
    let calls: usize = lanes.iter().map(|lane| lane.calls).sum();
    let failures: Vec<String> = lanes.into_iter().flat_map(|lane| lane.failures).collect();
    println!("survived {} of {calls}", calls.saturating_sub(failures.len()));
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Breaks the first case's call and every [`LANES`]-th after it, until an apply makes fewer calls.
fn walk(kind: EngineKind, first: Case) -> Option<Lane> {
    let mut lane = Lane { calls: 0, failures: Vec::new() };
    let mut kept = None;
    for at in (first.at..MOST_CALLS).step_by(LANES) {
        let scene = kept.take().map_or_else(|| Scene::set(kind, first.trouble), Some)?;
        let case = Case { at, ..first };
        let attempt = scene.attempt(case);
        match catch_unwind(AssertUnwindSafe(|| scene.check(case, &attempt))) {
            Ok(()) => kept = Some(scene).filter(|_| case.scenario.can_be_repeated()),
            // The next case gets a new sandbox.
            Err(panic) => {
                lane.failures.push(format!("call {at}, {:?}: {}", attempt.broken, message(&*panic)));
            }
        }
        if attempt.broken.is_none() {
            return Some(lane);
        }
        lane.calls += 1;
    }
    panic!("more calls than {MOST_CALLS}");
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

impl Scene {
    fn set(kind: EngineKind, trouble: Trouble) -> Option<Self> {
        let mut sandbox = Sandbox::on(kind)?;
        let database = if trouble.needs_postgres() {
            Database::postgres(&mut sandbox)?
        } else {
            Database::sqlite(&sandbox)
        };
        Some(Self { sandbox, database })
    }

    /// Runs the scenario's command with the fault.
    fn attempt(&self, case: Case) -> Attempt {
        case.scenario.prepare(&self.sandbox, case.at);
        let before = Picture::take(&self.sandbox);
        let fault = case.trouble.fault(&self.database);
        let (ran, broken) = self.run(case.scenario.command(), case.at, fault);
        self.database.repair(&self.sandbox);
        Attempt { before, ran, broken }
    }

    /// Runs a command with a fault at call `at`; also returns that call, if there was one.
    fn run(&self, args: &[&str], at: usize, fault: Fault) -> (Ran, Option<String>) {
        let _runtime = self.sandbox.enter();
        let hangs = matches!(fault, Fault::Hang(_));
        let proxy = FaultProxy::start(&self.sandbox.engine().info().endpoint, Some((at, fault)));
        let mut command = self.sandbox.command(args);
        command
            .env("DEVARCH_ENGINE", proxy.endpoint())
            .envs(hangs.then_some(("DEVARCH_ENGINE_TIMEOUT", PATIENCE)))
            .env("DEVARCH_DATABASE_URL", self.database.breakable(&self.sandbox));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let ran = self.sandbox.end(child);
        (ran, proxy.broken().map(|call| call.to_string()))
    }

    fn check(&self, case: Case, attempt: &Attempt) {
        let Attempt { ran, broken, .. } = attempt;
        if broken.is_none() {
            assert_eq!(ran.code, 0, "nothing went wrong\n{ran}");
        }
        let needs_help = match case.trouble.aftermath() {
            _ if broken.is_none() => false,
            Aftermath::Settled => {
                assert!([0, 1].contains(&ran.code), "{ran}");
                false
            }
            Aftermath::MayNeedHelp => ran.code != 0 && self.side(case, attempt).is_err(),
            Aftermath::NeedsHelp => {
                assert_eq!(ran.code, -1, "killed\n{ran}");
                true
            }
        };
        if needs_help {
            self.recover(case, attempt);
        } else {
            let side = self.side(case, attempt).unwrap_or_else(|mixed| panic!("{mixed}"));
            assert!(ran.code != 0 || side == Side::New, "it reports success\n{ran}");
        }
        self.converges(case, attempt);
    }

    /// Recovers from the interrupted apply, alternating between `--undo` and `--resume`, so that each lane uses both.
    fn recover(&self, case: Case, attempt: &Attempt) {
        let undo = case.at % 4 < 2;
        let args = ["apply", "STACK", if undo { "--undo" } else { "--resume" }, "--yes"];
        if case.trouble == Trouble::KillTwice {
            let (ran, broken) = self.run(&args, 1 + case.at % 3, Fault::Kill(Moment::After));
            assert!(broken.is_none() || ran.code == -1, "killed\n{ran}");
        }
        let ran = self.sandbox.run(&args);
        // A command killed before its apply began, or after it was complete, leaves nothing to resume.
        let none = ran.code == 5 && ran.stderr.contains("was interrupted, so there is nothing to resume");
        let ran = if none { self.sandbox.run(&["apply", "STACK", "--yes"]) } else { ran };
        let side = self.side(case, attempt).unwrap_or_else(|mixed| panic!("{mixed}\nrecovered by\n{ran}"));
        // A committed apply cannot be undone, which the command reports.
        let reported = ran.code == 0 || (undo && side == Side::New);
        assert!(reported && (undo || side == Side::New), "{side:?} runs\n{ran}");
    }

    /// The next apply reaches the desired state, a plan after it is empty, and nothing is left over.
    fn converges(&self, case: Case, attempt: &Attempt) {
        let sandbox = &self.sandbox;
        sandbox.ok(&["apply", "STACK", "--yes"]);
        sandbox.ok(&["plan", "STACK", "--detailed-exitcode"]);
        let side = self.side(case, attempt).unwrap_or_else(|mixed| panic!("after the next apply: {mixed}"));
        // An undone `down` may also have restored the desired state.
        assert!(
            side == Side::New || case.scenario == Scenario::Remove,
            "the next apply did not reach the desired state"
        );
        let now = Picture::take(sandbox);
        assert!(is_clean(sandbox, &now), "left over: {now:#?}");
        assert_eq!(sandbox.json(&["lock", "list"]), serde_json::json!([]), "a lock is held");
    }

    /// The current state; an error if it is a mixture.
    fn side(&self, case: Case, attempt: &Attempt) -> Result<Side, String> {
        let Attempt { before, ran, .. } = attempt;
        let now = Picture::take(&self.sandbox);
        // Created volumes are kept.
        let same = (&before.containers, &before.networks) == (&now.containers, &now.networks);
        if same && before.volumes.is_subset(&now.volumes) {
            Ok(Side::Old)
        } else if case.scenario.is_done(&self.sandbox, [before, &now], case.at) {
            Ok(Side::New)
        } else {
            Err(format!("neither old nor new\nbefore: {before:#?}\nnow: {now:#?}\nafter\n{ran}"))
        }
    }
}
