//! Plans as coloured text.

use crate::{shown::Shown, style};
use anstyle::Style;
use devarch_core::plan::{Plan, TextOptions, plan_text};

/// Renders a plan, with each change coloured by its sign.
pub(crate) fn render(plan: &Plan, full: bool) -> Shown {
    let mut shown = Shown::default();
    for (at, line) in plan_text(plan, TextOptions { full }).lines().enumerate() {
        if at > 0 {
            shown.end_line();
        }
        shown.paint(line_style(line), line);
    }
    shown
}

fn line_style(line: &str) -> Style {
    match line.split(' ').next() {
        Some("+") => style::GOOD,
        Some("~" | "-/+" | "warning:") => style::WARN,
        Some("-") => style::BAD,
        _ => Style::new(),
    }
}
