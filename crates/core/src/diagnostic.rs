//! What is found wrong with a definition, with instance and field.

use crate::name::InstanceName;
use std::fmt;

/// Something that is wrong, or worth a warning, with an instance's field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Problem {
    /// The instance; `None` for the stack as a whole.
    pub instance: Option<InstanceName>,
    /// The field: `ports.80/tcp`.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(instance) = &self.instance {
            write!(f, "{instance}.{}: ", self.field)?;
        } else if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

impl Problem {
    /// A problem with a field of an instance.
    pub fn of(instance: &InstanceName, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { instance: Some(instance.clone()), field: field.into(), message: message.into() }
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
