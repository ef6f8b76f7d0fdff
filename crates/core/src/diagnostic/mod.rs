//! What is found wrong with a text or with what it defines, with place, instance and field.

mod diagnostics;
mod field;
mod text;

pub use diagnostics::{Diagnostics, SHOWN_ERRORS, and_more};
pub use field::Field;
pub use text::{Diagnostic, Place};

use crate::name::InstanceName;
use serde::Serialize;
use std::fmt;

/// Something that is wrong, or worth a warning, with an instance's field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The instance; `None` for the stack as a whole.
    pub instance: Option<InstanceName>,
    /// The field: `ports.80/tcp`.
    pub field: Field,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(instance) = &self.instance {
            write!(f, "{instance}.{}: ", self.field)?;
        } else if !self.field.is_whole() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

impl Problem {
    /// A problem with a field of an instance.
    pub fn in_field(instance: &InstanceName, field: impl Into<Field>, message: impl Into<String>) -> Self {
        Self { instance: Some(instance.clone()), field: field.into(), message: message.into() }
    }
}

/// How much something that was found matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It blocks plan and apply.
    Error,
    /// The plan shows it.
    Warning,
    /// `wire list` and `config` show it.
    Note,
}

/// Something that was found, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is.
    #[serde(flatten)]
    pub problem: Problem,
    /// What it is about.
    #[serde(skip)]
    pub about: About,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// An export of an instance of the stack.
    Export,
    /// A provider outside all stacks.
    External,
    /// Anything else: an import, an entry of `wires`, an export of another stack's instance.
    Other,
}

impl Severity {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity.as_str(), self.problem)
    }
}

/// Errors and warnings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// What blocks plan and apply.
    pub errors: Vec<Problem>,
    /// What the plan shows.
    pub warnings: Vec<Problem>,
}

impl Findings {
    /// Adds another's findings.
    pub fn extend(&mut self, other: Self) {
        self.errors.extend(other.errors);
        self.warnings.extend(other.warnings);
    }
}
