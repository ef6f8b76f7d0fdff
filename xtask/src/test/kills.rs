//! The reports of the tests that kill DevArch.

use crate::repository::Repository;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Removes the reports of earlier runs.
pub(crate) fn forget(repository: &Repository) {
    for report in reports(&repository.target("tmp")) {
        // A report that cannot be removed is printed once more; no test depends on it.
        let _ = fs::remove_file(report);
    }
}

/// The first line of each report, which has its seed; all of a series in full.
pub(crate) fn lines(repository: &Repository, in_full: bool) -> Vec<String> {
    let texts =
        reports(&repository.target("tmp")).into_iter().filter_map(|report| fs::read_to_string(report).ok());
    texts.flat_map(|text| shown(&text, in_full)).collect()
}

fn shown(text: &str, in_full: bool) -> Vec<String> {
    let lines = text.lines().take(if in_full { usize::MAX } else { 1 }).enumerate();
    let lines = lines.map(|(at, line)| if at == 0 { format!("killed on {line}") } else { line.to_owned() });
    lines.collect()
}

fn reports(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let named = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("kills-") && Path::new(name).extension().is_some_and(|end| end == "txt")
    };
    let mut reports: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(named).collect();
    reports.sort();
    reports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_one_line_and_a_full_series_all() {
        let report = "docker: seed 7\ncall 1\ncall 2\n";
        assert_eq!(shown(report, false), ["killed on docker: seed 7"]);
        assert_eq!(shown(report, true), ["killed on docker: seed 7", "call 1", "call 2"]);
    }

    #[test]
    fn reports_are_found_by_name() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["kills-b.txt", "kills-a.txt", "kills-a.log", "other.txt"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let found = reports(directory.path());
        let names: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["kills-a.txt", "kills-b.txt"]);
    }
}
