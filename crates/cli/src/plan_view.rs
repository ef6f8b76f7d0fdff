//! A plan in colours.

use crate::{shown::Shown, style};
use anstyle::Style;
use devarch_core::plan::{Plan, TextOptions, plan_text};

/// The plan's text; changes coloured by their sign.
pub(crate) fn render(plan: &Plan, full: bool) -> Shown {
    let mut shown = Shown::default();
    for (at, line) in plan_text(plan, TextOptions { full }).lines().enumerate() {
        if at > 0 {
            shown.end_line();
        }
        shown.paint(look(line), line);
    }
    shown
}

fn look(line: &str) -> Style {
    match line.split(' ').next() {
        Some("+") => style::GOOD,
        Some("~" | "-/+" | "warning:") => style::WARN,
        Some("-") => style::BAD,
        _ => Style::new(),
    }
}
