//! The measurements as a table, line by line, with their targets.
//!
//! Contestants alternate, so that a temporary slowdown of the machine affects both: rounds are compared one by one.

use super::results::{Key, Results};
use crate::{
    failure::{Failure, Result},
    terminal::print_line,
};

/// How a line's value is computed from the measurements.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Median of the rounds' ours / theirs.
    Ratio,
    /// Median of DevArch minus this many seconds.
    Less(f64),
    /// Median of the rounds' ours less theirs.
    More,
    /// Median of DevArch minus this many seconds, as a share of the other's median.
    Share(f64),
    /// Most MiB of ours.
    Memory,
}

/// A line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) title: String,
    pub(crate) kind: Kind,
    pub(crate) ours: Key,
    pub(crate) theirs: Option<Key>,
    /// The most that meets the target.
    pub(crate) target: Option<f64>,
}

impl Line {
    /// A line that compares with others.
    pub(crate) fn compared(
        title: impl Into<String>,
        kind: Kind,
        (ours, theirs): (Key, Key),
        target: f64,
    ) -> Self {
        Self { title: title.into(), kind, ours, theirs: Some(theirs), target: Some(target) }
    }

    /// A line about DevArch only.
    pub(crate) fn alone(title: impl Into<String>, kind: Kind, ours: Key, target: Option<f64>) -> Self {
        Self { title: title.into(), kind, ours, theirs: None, target }
    }
}

/// How the table is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Plain,
    Markdown,
}

/// A line with its value.
#[derive(Debug, PartialEq)]
struct Row {
    title: String,
    ours: String,
    theirs: String,
    value: String,
    target: Option<(String, bool)>,
}

/// Prints the table. Returns whether every target was met.
pub(crate) fn print(lines: &[Line], results: &Results, layout: Layout) -> Result<bool> {
    let rows: Result<Vec<Row>> = lines.iter().map(|line| row(line, results)).collect();
    let rows = rows?;
    match layout {
        Layout::Plain => rows.iter().flat_map(plain).for_each(print_line),
        Layout::Markdown if rows.is_empty() => {}
        Layout::Markdown => {
            print_line("|  | DevArch | compared with | result | target |  |");
            print_line("| --- | --- | --- | --- | --- | --- |");
            rows.iter().map(markdown).for_each(print_line);
        }
    }
    Ok(rows.iter().all(|row| row.target.as_ref().is_none_or(|(_, met)| *met)))
}

fn row(line: &Line, results: &Results) -> Result<Row> {
    let ours = results.seconds(&line.ours)?;
    let theirs = line.theirs.as_ref().map(|key| results.seconds(key)).transpose()?.unwrap_or_default();
    let (value, unit) = match line.kind {
        Kind::Ratio => (median(&pairs(line, &ours, &theirs, |ours, theirs| ours / theirs)?), ""),
        Kind::More => (median(&pairs(line, &ours, &theirs, |ours, theirs| ours - theirs)?), " s"),
        Kind::Less(seconds) => (median(&ours) - seconds, " s"),
        Kind::Share(seconds) => ((median(&ours) - seconds) / median(&theirs), ""),
        Kind::Memory => (results.mebibytes(&line.ours)?, " MiB"),
    };
    let shown = if matches!(line.kind, Kind::Memory) { String::new() } else { spread(&ours) };
    Ok(Row {
        title: line.title.clone(),
        ours: shown,
        theirs: if theirs.is_empty() { String::new() } else { spread(&theirs) },
        value: format!("{value:.2}{unit}"),
        target: line.target.map(|target| (format!("{target}{unit}"), value <= target)),
    })
}

fn pairs(line: &Line, ours: &[f64], theirs: &[f64], compare: fn(f64, f64) -> f64) -> Result<Vec<f64>> {
    if ours.len() != theirs.len() {
        let (ours, theirs) = (ours.len(), theirs.len());
        return Err(Failure::new(format!("'{}' has {ours} and {theirs} measurements", line.title)));
    }
    Ok(ours.iter().zip(theirs).map(|(ours, theirs)| compare(*ours, *theirs)).collect())
}

/// The value in the middle, or between the two there.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        even if even % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match values {
        [one] => seconds(*one),
        _ => format!(
            "{} ({} to {}, {} runs)",
            seconds(median(values)),
            seconds(least),
            seconds(most),
            values.len()
        ),
    }
}

fn seconds(value: f64) -> String {
    if value < 1.0 { format!("{:.1} ms", value * 1000.0) } else { format!("{value:.2} s") }
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

fn plain(row: &Row) -> Vec<String> {
    let target = row.target.as_ref().map(|(target, met)| format!(", target {target}: {}", verdict(*met)));
    let mut lines = vec![row.title.clone(), format!("    {}{}", row.value, target.unwrap_or_default())];
    for (name, text) in [("devarch", &row.ours), ("compared with", &row.theirs)] {
        if !text.is_empty() {
            lines.push(format!("    {name}: {text}"));
        }
    }
    lines
}

fn markdown(row: &Row) -> String {
    let (target, met) =
        row.target.as_ref().map_or(("", ""), |(target, met)| (target.as_str(), verdict(*met)));
    format!("| {} | {} | {} | {} | {target} | {met} |", row.title, row.ours, row.theirs, row.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Results {
        let mut results = Results::default();
        for (key, seconds) in [("ours", 0.5), ("theirs", 1.0), ("ours", 1.5), ("theirs", 2.0), ("once", 3.0)]
        {
            results.add(&Key::from(key), seconds, 1024);
        }
        results
    }

    fn value(kind: Kind, theirs: Option<&str>) -> String {
        let theirs = theirs.map(Key::from);
        let line = Line { title: "t".to_owned(), kind, ours: "ours".into(), theirs, target: None };
        row(&line, &results()).unwrap().value
    }

    #[test]
    fn each_kind_has_its_value() {
        assert_eq!(value(Kind::Ratio, Some("theirs")), "0.62");
        assert_eq!(value(Kind::More, Some("theirs")), "-0.50 s");
        assert_eq!(value(Kind::Less(0.5), None), "0.50 s");
        assert_eq!(value(Kind::Share(0.25), Some("theirs")), "0.50");
        assert_eq!(value(Kind::Memory, None), "1.00 MiB");
    }

    #[test]
    fn rounds_of_different_number_are_not_compared() {
        let line = Line::compared("t", Kind::Ratio, ("ours".into(), "once".into()), 1.0);
        assert!(row(&line, &results()).is_err());
    }

    #[test]
    fn a_target_is_met_by_values_up_to_it() {
        let line = |target| Line::compared("warm", Kind::Ratio, ("ours".into(), "theirs".into()), target);
        let met = row(&line(0.625), &results()).unwrap();
        assert_eq!(
            plain(&met),
            [
                "warm",
                "    0.62, target 0.625: met",
                "    devarch: 1.00 s (500.0 ms to 1.50 s, 2 runs)",
                "    compared with: 1.50 s (1.00 s to 2.00 s, 2 runs)",
            ]
        );
        let missed = row(&line(0.5), &results()).unwrap();
        assert!(markdown(&missed).ends_with("| 0.62 | 0.5 | MISSED |"));
    }
}
