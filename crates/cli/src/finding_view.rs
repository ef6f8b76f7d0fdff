//! What was found of a stack's wires, for people.

use crate::{session::Session, shown::Shown, style};
use devarch_core::diagnostic::{Finding, Severity};

/// One line: the severity in its colour, then where and what.
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

/// Tells them beside the result.
pub(crate) fn note(session: &Session, findings: &[Finding]) {
    for finding in findings {
        session.terminal.note(&line(finding));
    }
}
