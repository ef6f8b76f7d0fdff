//! The wires of a stack as a table, for `wire list`.

use super::{Endpoint, How, Resolution, Unwired, Why, Wire};
use serde::Serialize;
use std::fmt::Write as _;

/// The heads of the columns.
pub const LIST_HEADS: [&str; 6] = ["CONSUMER", "IMPORT", "TYPE", "PROVIDER", "HOW", "VARIABLES"];

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListRow {
    /// One cell for each of [`LIST_HEADS`].
    pub cells: [String; 6],
}

/// The wires by consumer and import, then in the same place the imports that have none.
pub fn list(resolution: &Resolution) -> Vec<ListRow> {
    let links = resolution.links.iter().map(|link| ((&link.consumer, &link.import), linked(link)));
    let unwired = resolution.unwired.iter().map(|one| ((&one.consumer, &one.import), not_linked(one)));
    let mut rows: Vec<_> = links.chain(unwired).collect();
    rows.sort_by_key(|(place, _)| *place);
    rows.into_iter().map(|(_, cells)| ListRow { cells }).collect()
}

fn linked(link: &Wire) -> [String; 6] {
    let variables = link.variables.iter().cloned();
    let hidden = link.hidden.iter().map(|variable| format!("({variable})"));
    let variables: Vec<String> = variables.chain(hidden).collect();
    let mut how = how(link.how, link.new);
    if let Some(was) = &link.was {
        let _ = write!(how, ", was {was}");
    }
    [
        link.consumer.to_string(),
        link.import.clone(),
        link.contract.to_string(),
        link.to.to_string(),
        how,
        variables.join(" "),
    ]
}

fn how(how: How, new: bool) -> String {
    if new { format!("{how}, new") } else { how.to_string() }
}

fn not_linked(unwired: &Unwired) -> [String; 6] {
    let why = match (unwired.why, unwired.required) {
        (Why::Nobody, true) => "missing",
        (Why::Nobody, false) => "no provider",
        (Why::Ambiguous, _) => "several offer it",
        (Why::Declined, _) => "not wanted",
        (Why::Faulty, _) => "its wire is wrong",
    };
    let was = |was: &Endpoint| format!("{why}, was {was}");
    [
        unwired.consumer.to_string(),
        unwired.import.clone(),
        unwired.contract.to_string(),
        "-".to_owned(),
        unwired.was.as_ref().map_or_else(|| why.to_owned(), was),
        String::new(),
    ]
}
