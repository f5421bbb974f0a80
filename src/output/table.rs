//! Tables as `kubectl` draws them: no lines, two spaces between columns. On a narrow terminal the
//! least important columns are left out, so that what remains can be read.

use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, presets::NOTHING};
use console::measure_text_width;

use super::plain::plain;
use super::screen::{Screen, Tone};

/// Spaces between two columns.
const GAP: u16 = 2;

/// The text of a cell that needs no colour.
pub(super) fn normal(text: impl Into<String>) -> (String, Tone) {
    (text.into(), Tone::Normal)
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    title: &'static str,
    /// 0 stays always; of the others the highest goes first.
    rank: u8,
    only_wide: bool,
    hidden: bool,
    right: bool,
}

impl Column {
    /// A column that is always there.
    pub const fn kept(title: &'static str) -> Self {
        Self::ranked(title, 0)
    }

    /// A column that may be left out: the higher the rank, the sooner.
    pub const fn ranked(title: &'static str, rank: u8) -> Self {
        Self {
            title,
            rank,
            only_wide: false,
            hidden: false,
            right: false,
        }
    }

    /// A column that is never shown: it would say nothing now.
    pub const fn hidden(title: &'static str) -> Self {
        Self {
            hidden: true,
            ..Self::kept(title)
        }
    }

    /// A column that is shown with `-o wide` only.
    pub const fn wide(title: &'static str) -> Self {
        Self {
            only_wide: true,
            ..Self::ranked(title, u8::MAX)
        }
    }

    /// Aligned to the right, for figures.
    #[must_use]
    pub const fn right(self) -> Self {
        Self {
            right: true,
            ..self
        }
    }
}

/// A table that is being filled.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<(String, Tone)>>,
}

impl Table {
    /// An empty table.
    pub fn new(columns: &[Column]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; each cell is made safe to print. An empty cell shows `-`.
    pub fn row(&mut self, cells: impl IntoIterator<Item = (String, Tone)>) {
        let safe = |(text, tone): (String, Tone)| match plain(&text) {
            text if text.is_empty() => ("-".to_owned(), Tone::Faint),
            text => (text, tone),
        };
        let row: Vec<_> = cells.into_iter().map(safe).collect();
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows.push(row);
    }

    /// Draws it, without a line break at the end.
    pub fn draw(&self, screen: &Screen) -> String {
        let chosen = self.choose(screen);
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING);
        // Without knowing what stdout is: the screen knows.
        table.force_no_tty();
        if screen.color {
            table.enforce_styling();
            table.style_text_only();
        }
        if let (Some(width), false) = (screen.width, screen.wide) {
            table
                .set_width(width + GAP)
                .set_content_arrangement(ContentArrangement::Dynamic);
        }
        let title = |column: &usize| self.columns[*column].title;
        table.set_header(chosen.iter().map(title));
        for row in &self.rows {
            let cell = |column: &usize| {
                let (text, tone) = &row[*column];
                paint(Cell::new(text), *tone)
            };
            table.add_row(chosen.iter().map(cell));
        }
        for (position, column) in chosen.iter().enumerate() {
            if let Some(drawn) = table.column_mut(position) {
                drawn.set_padding((0, GAP));
                if self.columns[*column].right {
                    drawn.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        table.trim_fmt()
    }

    /// Which columns are drawn.
    fn choose(&self, screen: &Screen) -> Vec<usize> {
        let wanted = |column: &usize| {
            let column = &self.columns[*column];
            !column.hidden && (screen.wide || !column.only_wide)
        };
        let mut chosen: Vec<usize> = (0..self.columns.len()).filter(wanted).collect();
        let Some(width) = screen.width.filter(|_| !screen.wide).map(usize::from) else {
            return chosen;
        };
        let column_width = |column: usize| {
            let cells = self
                .rows
                .iter()
                .map(|row| measure_text_width(&row[column].0));
            cells
                .chain([self.columns[column].title.len()])
                .max()
                .unwrap_or(0)
        };
        loop {
            let gaps = usize::from(GAP) * chosen.len().saturating_sub(1);
            let total: usize = chosen.iter().map(|column| column_width(*column)).sum();
            let least = chosen
                .iter()
                .copied()
                .max_by_key(|column| self.columns[*column].rank)
                .filter(|column| self.columns[*column].rank > 0);
            match least {
                Some(least) if total + gaps > width => chosen.retain(|column| *column != least),
                _ => return chosen,
            }
        }
    }
}

fn paint(cell: Cell, tone: Tone) -> Cell {
    match tone {
        Tone::Normal => cell,
        Tone::Good => cell.fg(Color::DarkGreen),
        Tone::Warning => cell.fg(Color::DarkYellow),
        Tone::Bad => cell.fg(Color::DarkRed),
        Tone::Faint => cell.fg(Color::DarkGrey),
        Tone::Strong => cell.add_attribute(comfy_table::Attribute::Bold),
    }
}
