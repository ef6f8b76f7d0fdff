//! Tables in columns.

use crate::{shown::Shown, style};
use anstyle::Style;
use devarch_core::escape;
use unicode_width::UnicodeWidthStr as _;

/// A cell: one line of styled text.
#[derive(Debug, Clone)]
pub(crate) struct Cell(String, Style);

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, Style::new())
    }
}

impl Cell {
    /// Creates a styled cell.
    pub(crate) fn styled(text: impl AsRef<str>, style: Style) -> Self {
        Self(escape::line(text.as_ref()).into_owned(), style)
    }

    fn width(&self) -> usize {
        self.0.width()
    }
}

/// Rows below headings; columns fit their content, and empty ones are left out.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Creates a table with headings.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.map(|heading| Cell::styled(heading, style::DIM)).to_vec()] }
    }

    /// Appends a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(Vec::from(cells));
    }

    /// Renders the table with an indentation.
    pub(crate) fn render(&self, indent: usize) -> Shown {
        let columns = self.rows.first().map_or(0, Vec::len);
        let used: Vec<usize> =
            (0..columns).filter(|at| self.rows.iter().skip(1).any(|row| !row[*at].0.is_empty())).collect();
        let width = |at: usize| self.rows.iter().map(|row| row[at].width()).max().unwrap_or(0);
        let widths: Vec<usize> = used.iter().map(|at| width(*at)).collect();
        let mut text = Shown::default();
        for row in &self.rows {
            let mut pending = indent;
            for (at, width) in used.iter().zip(&widths) {
                let cell = &row[*at];
                if !cell.0.is_empty() {
                    write!(text, "{:pending$}", "");
                    text.paint(cell.1, &cell.0);
                    pending = 0;
                }
                pending += width - cell.width() + 2;
            }
            text.end_line();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_take_two_columns_are_counted_as_two() {
        let mut table = Table::new(["A", "B"]);
        table.row(["\u{65e5}\u{672c}".into(), "x".into()]);
        table.row(["abcd".into(), "y".into()]);
        let plain = anstream::adapter::strip_str(table.render(0).as_str()).to_string();
        assert_eq!(plain, "A     B\n\u{65e5}\u{672c}  x\nabcd  y\n");
    }

    #[test]
    fn columns_are_aligned_and_empty_ones_are_left_out() {
        let mut table = Table::new(["A", "B", "C"]);
        table.row(["long".into(), "".into(), "x".into()]);
        table.row(["s".into(), "".into(), "".into()]);
        let plain = anstream::adapter::strip_str(table.render(2).as_str()).to_string();
        assert_eq!(plain, "  A     C\n  long  x\n  s\n");
    }
}
