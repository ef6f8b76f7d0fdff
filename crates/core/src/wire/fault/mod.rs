//! Everything that wiring can report, each with its location, severity and message.

mod export;
mod import;
mod wire;

pub(super) use export::ExportFault;
pub(super) use import::{CycleStep, ImportFault, Via};
pub(super) use wire::WireFault;

use crate::diagnostic::{About, Finding, Problem, Severity};
use std::fmt::Write as _;

/// Names separated by commas; only the first of many.
fn names<T: ToString>(all: &[T]) -> String {
    const SHOWN: usize = 8;
    let mut text = all.iter().take(SHOWN).map(T::to_string).collect::<Vec<_>>().join(", ");
    if all.len() > SHOWN {
        let _ = write!(text, " and {} more", all.len() - SHOWN);
    }
    text
}

/// The suggestion of a similar name.
fn suggestion(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean '{near}'?"))
}

fn finding(severity: Severity, about: About, problem: Problem) -> Finding {
    Finding { severity, problem, about }
}
