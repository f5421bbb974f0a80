//! What the screen shows, and how text looks on it.

use console::{measure_text_width, truncate_str};
use ratatui::style::{Color, Modifier, Style};

use super::super::screen::Tone;
use crate::cluster::{InstanceActivity, RunningStatement, TopBoard};

/// In which order statements are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TopSort {
    /// The oldest transaction first.
    #[default]
    Transaction,
    /// The longest statement first.
    Statement,
    /// Those that wait for a lock first.
    Waiting,
}

impl TopSort {
    /// The one that comes after it.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Transaction => Self::Statement,
            Self::Statement => Self::Waiting,
            Self::Waiting => Self::Transaction,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Transaction => "oldest transaction first",
            Self::Statement => "longest statement first",
            Self::Waiting => "who waits for a lock first",
        }
    }
}

/// What the screen shows.
#[derive(Debug, Clone)]
pub struct TopView<'a> {
    /// Which cluster, and when: the first line.
    pub title: String,
    /// What is known of the servers.
    pub board: &'a TopBoard,
    /// Name of the pod whose statements are shown.
    pub pod: Option<&'a str>,
    /// The process id that the cursor is on.
    pub pid: Option<i32>,
    /// In which order statements are shown.
    pub sort: TopSort,
    /// What has happened, or is asked: in place of the keys.
    pub message: Option<&'a str>,
    /// Colours may be used.
    pub color: bool,
}

impl TopView<'_> {
    pub(super) fn pods(&self) -> impl Iterator<Item = &str> {
        self.board.instances().into_iter().map(|it| it.pod.as_str())
    }

    pub(super) fn chosen(&self) -> Option<&InstanceActivity> {
        let mut instances = self.board.instances().into_iter();
        instances.find(|it| Some(it.pod.as_str()) == self.pod)
    }
}

/// The statements of a server in an order.
pub fn sorted_statements(instance: &InstanceActivity, sort: TopSort) -> Vec<&RunningStatement> {
    let mut statements: Vec<_> = instance
        .sample()
        .map(|it| it.statements.iter().collect())
        .unwrap_or_default();
    statements.sort_by(|a: &&RunningStatement, b: &&RunningStatement| {
        let longest = |of: fn(&RunningStatement) -> f64| of(b).total_cmp(&of(a));
        match sort {
            TopSort::Transaction => longest(|it| it.transaction_seconds.unwrap_or(-1.0)),
            TopSort::Statement => longest(|it| it.statement_seconds),
            TopSort::Waiting => longest(|it| match it.blocked_by.is_empty() {
                true => -1.0,
                false => it.statement_seconds,
            }),
        }
    });
    statements
}

/// Text in exactly so many columns, cut at the right.
pub(super) fn cell(text: &str, width: usize) -> String {
    let cut = truncate_str(text, width, "~");
    let blank = width.saturating_sub(measure_text_width(&cut));
    format!("{cut}{}", " ".repeat(blank))
}

/// Text at the right edge of so many columns, and more of them when it needs more: a figure is never cut.
pub(super) fn right(text: &str, width: usize) -> String {
    format!("{text:>width$}")
}

/// What a tone looks like here. Without colours only what a terminal of 1978 has.
pub(super) fn style(color: bool, tone: Tone) -> Style {
    let plain = Style::new();
    match tone {
        Tone::Normal => plain,
        Tone::Strong => plain.add_modifier(Modifier::BOLD),
        Tone::Faint if color => plain.add_modifier(Modifier::DIM),
        Tone::Good if color => plain.fg(Color::Green),
        Tone::Warning if color => plain.fg(Color::Yellow),
        Tone::Bad if color => plain.fg(Color::Red).add_modifier(Modifier::BOLD),
        Tone::Bad => plain.add_modifier(Modifier::BOLD),
        Tone::Faint | Tone::Good | Tone::Warning => plain,
    }
}
