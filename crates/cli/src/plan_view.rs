//! A plan in colours.

use crate::style;
use devarch_core::plan::{Plan, TextOptions, plan_text};

/// The plan's text; changes coloured by their sign.
pub(crate) fn render(plan: &Plan, full: bool) -> String {
    let text = plan_text(plan, TextOptions { full });
    let lines: Vec<String> = text.lines().map(coloured).collect();
    lines.join("\n")
}

fn coloured(line: &str) -> String {
    let style = match line.split(' ').next() {
        Some("+") => style::GOOD,
        Some("~" | "-/+" | "warning:") => style::WARN,
        Some("-") => style::BAD,
        _ => return line.to_owned(),
    };
    style::paint(style, line)
}
