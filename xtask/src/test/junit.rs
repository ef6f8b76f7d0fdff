//! Parses the report of a nextest run.

use crate::failure::{Context as _, Result};
use serde::{Deserialize, de::IgnoredAny};
use std::collections::BTreeSet;

/// How many lines of a panic the summary repeats: a log that is cut in its middle still shows the reason.
const PANIC_LINES: usize = 40;

/// A test that ran.
#[derive(Debug, PartialEq)]
pub(crate) struct Case {
    /// Its binary and its path, as nextest prints them.
    pub(crate) title: String,
    /// Its path without the binary.
    pub(crate) name: String,
    pub(crate) seconds: f64,
    pub(crate) outcome: Outcome,
    /// The faults it injected into applies: how many did no harm, and how many there were.
    pub(crate) survived: (usize, usize),
}

/// How a test ended.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    Passed,
    /// Its panic message.
    Failed(String),
    /// It passed without a real part that it needs, and printed `SKIPPED: reason`.
    Skipped(BTreeSet<String>),
}

/// Reads a report in the format of `JUnit`.
pub(crate) fn read(report: &str) -> Result<Vec<Case>> {
    let report: Report = quick_xml::de::from_str(report).context("the report of the tests cannot be read")?;
    Ok(report.suites.into_iter().flat_map(|suite| suite.cases).map(Case::from).collect())
}

#[derive(Deserialize)]
struct Report {
    #[serde(rename = "testsuite", default)]
    suites: Vec<Suite>,
}

#[derive(Deserialize)]
struct Suite {
    #[serde(rename = "testcase", default)]
    cases: Vec<Element>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Element {
    #[serde(rename = "@classname", default)]
    class: String,
    #[serde(rename = "@name")]
    name: String,
    #[serde(rename = "@time", default)]
    seconds: f64,
    failure: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
    #[serde(default)]
    system_out: Option<String>,
    #[serde(default)]
    system_err: Option<String>,
}

impl From<Element> for Case {
    fn from(element: Element) -> Self {
        let output =
            [element.system_out, element.system_err].into_iter().flatten().collect::<Vec<_>>().join("\n");
        let outcome = if element.failure.is_some() || element.error.is_some() {
            Outcome::Failed(panic(&output))
        } else {
            match reasons(&output) {
                none if none.is_empty() => Outcome::Passed,
                reasons => Outcome::Skipped(reasons),
            }
        };
        Self {
            title: format!("{} {}", element.class, element.name),
            name: element.name,
            seconds: element.seconds,
            outcome,
            survived: survived(&output),
        }
    }
}

fn reasons(output: &str) -> BTreeSet<String> {
    let lines = output.lines().map(str::trim).filter(|line| line.starts_with("SKIPPED:"));
    lines.map(str::to_owned).collect()
}

/// A test's panic message, without the backtrace.
fn panic(output: &str) -> String {
    let begin = output.find("\nthread '").map(|at| at + 1);
    let begin = begin.or_else(|| output.starts_with("thread '").then_some(0)).unwrap_or(output.len());
    let text = output[begin..].split("stack backtrace:").next().unwrap_or_default();
    let lines = text.lines().take(PANIC_LINES).filter(|line| !line.trim().is_empty());
    lines.map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// The sum of the lines `survived N of N`.
fn survived(output: &str) -> (usize, usize) {
    let counts = output.lines().filter_map(|line| {
        let (some, all) = line.strip_prefix("survived ")?.split_once(" of ")?;
        Some((some.parse::<usize>().ok()?, all.parse::<usize>().ok()?))
    });
    counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="4" failures="1" errors="0" time="1.5">
  <testsuite name="devarch::stacks" tests="4" disabled="0" errors="0" failures="1">
    <testcase name="docker::ports_survive" classname="devarch::stacks" timestamp="2026-01-01T00:00:00Z" time="1.250">
      <system-out>running 1 test
survived 3 of 4
survived 2 of 2
</system-out>
      <system-err></system-err>
    </testcase>
    <testcase name="podman::ports_survive" classname="devarch::stacks" time="0.5">
      <system-out>  SKIPPED: no engine &amp; no socket
SKIPPED: a registry is missing
SKIPPED: a registry is missing
</system-out>
    </testcase>
    <testcase name="sqlite::rows_stay" classname="devarch::stacks" time="0.1">
      <failure message="panicked" type="test failure">thread panicked</failure>
      <rerunFailure type="test failure"><system-out>SKIPPED: not this one</system-out></rerunFailure>
      <system-out>begin
SKIPPED: it failed afterwards</system-out>
      <system-err>noise

thread 'sqlite::rows_stay' panicked at src/a.rs:1:
left: 1 &lt; 2

stack backtrace:
   0: rust_begin_unwind</system-err>
    </testcase>
    <testcase name="flaky" classname="devarch::stacks" time="0.1">
      <flakyFailure type="test failure"><system-out>SKIPPED: not this one</system-out></flakyFailure>
      <flakyFailure type="test failure"></flakyFailure>
      <system-out>fine</system-out>
    </testcase>
  </testsuite>
  <testsuite name="empty" tests="0"/>
</testsuites>
"#;

    #[test]
    fn each_case_has_its_outcome() {
        let cases = read(REPORT).unwrap();
        let outcomes: Vec<&Outcome> = cases.iter().map(|case| &case.outcome).collect();
        let reasons = ["SKIPPED: a registry is missing", "SKIPPED: no engine & no socket"];
        let skipped = Outcome::Skipped(reasons.into_iter().map(str::to_owned).collect());
        let panic = "  thread 'sqlite::rows_stay' panicked at src/a.rs:1:\n  left: 1 < 2";
        assert_eq!(
            outcomes,
            [&Outcome::Passed, &skipped, &Outcome::Failed(panic.to_owned()), &Outcome::Passed]
        );
    }

    #[test]
    fn each_case_has_its_title_time_and_survived_faults() {
        let first = read(REPORT).unwrap().remove(0);
        assert_eq!(first.title, "devarch::stacks docker::ports_survive");
        assert_eq!(first.name, "docker::ports_survive");
        assert!((first.seconds - 1.25).abs() < f64::EPSILON);
        assert_eq!(first.survived, (5, 6));
    }

    #[test]
    fn a_cut_report_is_an_error() {
        assert!(read(&REPORT[..900]).is_err());
    }
}
