//! Problems with a text or its definitions, with place, instance and field.

mod diagnostics;
mod field;
mod text;

pub use diagnostics::{Diagnostics, SHOWN_ERRORS, and_more};
pub use field::Field;
pub use text::{Diagnostic, Place};

use crate::name::InstanceName;
use serde::Serialize;
use std::fmt;

/// An error or warning about a field of an instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The instance; `None` for the stack as a whole.
    pub instance: Option<InstanceName>,
    /// The field: `ports.80/tcp`.
    pub field: Field,
    /// What is wrong and how to fix it.
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
    /// Creates a problem with a field of an instance.
    pub fn in_field(instance: &InstanceName, field: impl Into<Field>, message: impl Into<String>) -> Self {
        Self { instance: Some(instance.clone()), field: field.into(), message: message.into() }
    }
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Blocks plan and apply.
    Error,
    /// Shown in the plan.
    Warning,
    /// Shown by `wire list` and `config`.
    Note,
}

/// A problem with its severity and subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Its severity.
    pub severity: Severity,
    /// The problem.
    #[serde(flatten)]
    pub problem: Problem,
    /// Its subject.
    #[serde(skip)]
    pub about: About,
}

/// The subject of a finding.
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
    /// Returns the name of the severity.
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
    /// Errors, which block plan and apply.
    pub errors: Vec<Problem>,
    /// Warnings, which the plan shows.
    pub warnings: Vec<Problem>,
}

impl Findings {
    /// Adds other findings.
    pub fn extend(&mut self, other: Self) {
        self.errors.extend(other.errors);
        self.warnings.extend(other.warnings);
    }
}
