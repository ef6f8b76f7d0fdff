//! Findings about a stack's wires, as text.

use crate::{session::Session, shown::Shown, style};
use devarch_core::diagnostic::{Finding, Severity};

/// A finding on one line, with its severity coloured.
pub(crate) fn line(finding: &Finding) -> Shown {
    let style = match finding.severity {
        Severity::Error => style::BAD,
        Severity::Warning => style::WARN,
        Severity::Note => style::DIM,
    };
    let mut line = Shown::styled(style, &format!("{}:", finding.severity.as_str()));
    write!(line, " {}", finding.problem);
    line
}

/// Prints findings to stderr.
pub(crate) fn note(session: &Session, findings: &[Finding]) {
    for finding in findings {
        session.terminal.note(&line(finding));
    }
}
