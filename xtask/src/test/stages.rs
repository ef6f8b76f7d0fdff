//! The stages of a run: a heading, a result, a duration. The next stage runs even if one fails.

use crate::{failure::Result, terminal::print_line};
use std::time::{Duration, Instant};

/// How a stage ended that could be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    /// Tests failed. They are counted one by one, so their stage is not.
    TestsFailed,
}

/// The stages so far.
#[derive(Debug)]
pub(crate) struct Stages {
    begun: Instant,
    took: Vec<(&'static str, Duration)>,
    failed: Vec<&'static str>,
    not_run: Vec<&'static str>,
}

impl Stages {
    pub(crate) fn begin() -> Self {
        Self { begun: Instant::now(), took: Vec::new(), failed: Vec::new(), not_run: Vec::new() }
    }

    /// Runs a stage and records its failure for the end.
    pub(crate) fn run(&mut self, name: &'static str, stage: impl FnOnce() -> Result<Verdict>) {
        print_line(format!("\n== {name}"));
        let begun = Instant::now();
        let result = stage();
        let took = begun.elapsed();
        let seconds = took.as_secs_f64();
        match &result {
            Ok(Verdict::Passed) => print_line(format!("-- {name}: ok ({seconds:.1} s)")),
            Ok(Verdict::TestsFailed) => print_line(format!("-- {name}: FAILED ({seconds:.1} s)")),
            Err(failure) => {
                print_line(failure.chain());
                failure.hint().into_iter().for_each(|help| print_line(format!("help: {help}")));
                print_line(format!("-- {name}: FAILED ({seconds:.1} s)"));
                self.failed.push(name);
            }
        }
        self.took.push((name, took));
    }

    /// Runs a stage of which only a failure is reported.
    pub(crate) fn check(&mut self, name: &'static str, stage: impl FnOnce() -> Result<()>) {
        self.run(name, || stage().map(|()| Verdict::Passed));
    }

    /// Notes a stage that cannot be run here.
    pub(crate) fn leave_out(&mut self, name: &'static str, reason: &str) {
        print_line(format!("\n== {name}\n-- not run: {reason}"));
        self.not_run.push(name);
    }

    /// How many stages failed.
    pub(crate) fn failures(&self) -> usize {
        self.failed.len()
    }

    /// The heading of the summary and the seconds by stage.
    pub(crate) fn head(&self) -> [String; 2] {
        let stages: Vec<String> =
            self.took.iter().map(|(name, took)| format!("{name} {:.1}", took.as_secs_f64())).collect();
        [
            format!("\n== summary ({:.1} s)", self.begun.elapsed().as_secs_f64()),
            format!("seconds by stage: {}", stages.join(", ")),
        ]
    }

    /// The summary of stages that failed or were not run.
    pub(crate) fn foot(&self) -> Vec<String> {
        let not_run = self.not_run.iter().map(|name| format!("not run: {name}"));
        not_run.chain(self.failed.iter().map(|name| format!("failed: {name}"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    #[test]
    fn failed_stages_are_counted_but_those_of_failed_tests_are_not() {
        let mut stages = Stages::begin();
        stages.check("format", || Ok(()));
        stages.check("lints", || Err(Failure::new("no")));
        stages.run("tests", || Ok(Verdict::TestsFailed));
        stages.leave_out("dependencies", "not installed");
        assert_eq!(stages.failures(), 1);
        assert_eq!(stages.foot(), ["not run: dependencies", "failed: lints"]);
        assert!(stages.head()[1].starts_with("seconds by stage: format 0.0, lints 0.0, tests 0."));
    }
}
