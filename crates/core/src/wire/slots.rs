use super::index::{Candidate, Index};
use serde::Serialize;
use std::fmt;

/// How a wire was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// The stack's `wires`.
    Explicit,
    /// Automatically: exactly one provider offered the type, or one was preferred.
    Auto,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Explicit => "explicit",
            Self::Auto => "auto",
        })
    }
}

/// The state of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// Not decided yet.
    Open,
    /// It has its provider.
    Wired(Candidate, How),
    /// The stack sets `to: none`.
    Declined,
    /// An entry of `wires` is invalid, which has been reported.
    Faulty,
    /// There are several candidates.
    Ambiguous,
}

/// The state of every import, by index of instance and import.
pub(super) struct Slots(Vec<Vec<Slot>>);

impl Slots {
    pub(super) fn of(index: &Index<'_>) -> Self {
        Self(index.nodes.iter().map(|(_, instance)| vec![Slot::Open; instance.imports.len()]).collect())
    }

    pub(super) fn get(&self, node: usize, import: usize) -> Slot {
        self.0[node][import]
    }

    pub(super) fn set(&mut self, node: usize, import: usize, slot: Slot) {
        self.0[node][import] = slot;
    }

    /// The wires of an instance: import, provider's export, and how they were created.
    pub(super) fn wires(&self, node: usize) -> impl Iterator<Item = (usize, Candidate, How)> {
        self.0[node].iter().enumerate().filter_map(|(import, slot)| match slot {
            Slot::Wired(candidate, how) => Some((import, *candidate, *how)),
            _ => None,
        })
    }
}
