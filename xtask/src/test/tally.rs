//! The results of all tests of a run.

use super::junit::{Case, Outcome};
use std::{
    collections::BTreeMap,
    fmt,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

/// How many of the slowest tests are listed.
const SLOWEST: usize = 10;

/// The words in tests' names that identify what they ran against; the first that occurs counts.
const PARTS: [&str; 6] = ["rootless", "docker", "podman", "memory", "sqlite", "postgres"];

/// A test with none of these words.
const NO_PART: &str = "none of them";

/// The numbers of the closing line. They grow while others may print them.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    passed: AtomicUsize,
    failed: AtomicUsize,
    skipped: AtomicUsize,
}

impl Totals {
    pub(crate) fn add(&self, passed: usize, failed: usize, skipped: usize) {
        self.passed.fetch_add(passed, Relaxed);
        self.failed.fetch_add(failed, Relaxed);
        self.skipped.fetch_add(skipped, Relaxed);
    }

    pub(crate) fn failed(&self) -> usize {
        self.failed.load(Relaxed)
    }

    pub(crate) fn skipped(&self) -> usize {
        self.skipped.load(Relaxed)
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passed = self.passed.load(Relaxed);
        write!(f, "{passed} passed, {} failed, {} skipped", self.failed(), self.skipped())
    }
}

/// The tests of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    cases: Vec<Case>,
}

impl Tally {
    /// Takes the tests of a report and adds them to the totals. Returns how many failed.
    pub(crate) fn add(&mut self, cases: Vec<Case>, totals: &Totals) -> usize {
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for case in &cases {
            match case.outcome {
                Outcome::Passed => passed += 1,
                Outcome::Failed(_) => failed += 1,
                Outcome::Skipped(_) => skipped += 1,
            }
        }
        totals.add(passed, failed, skipped);
        self.cases.extend(cases);
        failed
    }

    /// Whether no test ran.
    pub(crate) fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// The lines of the summary.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = self.slowest();
        lines.extend(self.parts());
        lines.extend(self.survived());
        lines.extend(self.cases.iter().filter_map(failed));
        lines.extend(self.cases.iter().filter_map(skipped));
        lines
    }

    fn slowest(&self) -> Vec<String> {
        let mut cases: Vec<&Case> = self.cases.iter().collect();
        cases.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        let line = |case: &&Case| format!("slowest: {:.1} s {}", case.seconds, case.title);
        cases.iter().take(SLOWEST).map(line).collect()
    }

    fn parts(&self) -> Option<String> {
        let mut counts = BTreeMap::new();
        for case in self.cases.iter().filter(|case| case.outcome == Outcome::Passed) {
            *counts.entry(part(&case.name)).or_insert(0_usize) += 1;
        }
        let count = |part| format!("{part} {}", counts.get(part).copied().unwrap_or_default());
        let counts: Vec<String> = PARTS.into_iter().chain([NO_PART]).map(count).collect();
        let any = !self.cases.is_empty();
        any.then(|| format!("passed, by engine and database: {}", counts.join(", ")))
    }

    fn survived(&self) -> Option<String> {
        let sums = self.cases.iter().map(|case| case.survived);
        let (some, all) = sums.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        (all > 0).then(|| format!("faults in applies: survived {some} of {all}"))
    }
}

fn failed(case: &Case) -> Option<String> {
    let Outcome::Failed(panic) = &case.outcome else { return None };
    Some(format!("failed: {}\n{panic}", case.title).trim_end().to_owned())
}

fn skipped(case: &Case) -> Option<String> {
    let Outcome::Skipped(reasons) = &case.outcome else { return None };
    let reasons: Vec<&str> = reasons.iter().map(String::as_str).collect();
    Some(format!("skipped: {}: {}", case.title, reasons.join("; ")))
}

/// The environment a test ran against.
fn part(name: &str) -> &'static str {
    let words: Vec<&str> = name.split("::").flat_map(|part| part.split('_')).collect();
    PARTS.into_iter().find(|part| words.contains(part)).unwrap_or(NO_PART)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn case(name: &str, seconds: f64, outcome: Outcome) -> Case {
        Case { title: format!("crate {name}"), name: name.to_owned(), seconds, outcome, survived: (1, 2) }
    }

    #[test]
    fn a_test_belongs_to_the_first_part_that_its_name_contains() {
        assert_eq!(part("podman::rootless_networks"), "rootless");
        assert_eq!(part("homes::on_docker_with_postgres"), "docker");
        assert_eq!(part("postgres::rows"), "postgres");
        assert_eq!(part("podmans::rows"), NO_PART);
    }

    #[test]
    fn the_summary_lists_what_passed_failed_and_was_skipped() {
        let totals = Totals::default();
        let mut tally = Tally::default();
        let skipped = Outcome::Skipped(BTreeSet::from(["SKIPPED: no engine".to_owned()]));
        let failed = tally.add(
            vec![
                case("docker::a", 0.25, Outcome::Passed),
                case("sqlite::b", 2.0, Outcome::Failed("  panic".to_owned())),
                case("podman::c", 1.0, skipped),
            ],
            &totals,
        );
        assert_eq!(failed, 1);
        assert_eq!(totals.to_string(), "1 passed, 1 failed, 1 skipped");
        assert_eq!(
            tally.lines(),
            [
                "slowest: 2.0 s crate sqlite::b",
                "slowest: 1.0 s crate podman::c",
                "slowest: 0.2 s crate docker::a",
                "passed, by engine and database: rootless 0, docker 1, podman 0, memory 0, sqlite 0, postgres 0, \
                 none of them 0",
                "faults in applies: survived 3 of 6",
                "failed: crate sqlite::b\n  panic",
                "skipped: crate podman::c: SKIPPED: no engine",
            ]
        );
    }

    #[test]
    fn no_more_than_ten_slow_tests_are_listed() {
        let mut tally = Tally::default();
        let cases = (0..12).map(|at| case("a", f64::from(at), Outcome::Passed)).collect();
        tally.add(cases, &Totals::default());
        assert_eq!(tally.slowest().len(), SLOWEST);
        assert_eq!(tally.slowest()[0], "slowest: 11.0 s crate a");
    }
}
