use super::index::{Candidate, Index};
use serde::Serialize;
use std::fmt;

/// Who made a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// The stack's `wires`.
    Explicit,
    /// DevArch: exactly one provider offered the type, or one was to be preferred.
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

/// What has become of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// Nobody has said or found anything.
    Open,
    /// It has its provider.
    Wired(Candidate, How),
    /// The stack says that it has none.
    Declined,
    /// An entry of `wires` is wrong; which has been told.
    Faulty,
    /// There are several providers, and nothing chooses.
    Ambiguous,
}

/// What has become of every import, by number of instance and import.
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

    /// The wires of an instance: import, provider's export, and who made them.
    pub(super) fn wires(&self, node: usize) -> impl Iterator<Item = (usize, Candidate, How)> {
        self.0[node].iter().enumerate().filter_map(|(import, slot)| match slot {
            Slot::Wired(candidate, how) => Some((import, *candidate, *how)),
            _ => None,
        })
    }
}
