//! The screen as a whole.

use console::{measure_text_width, truncate_str};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::Paragraph;

use super::super::plain::plain;
use super::super::screen::Tone;
use super::{board, statements};
use crate::cluster::{InstanceActivity, RunningStatement, TopBoard, tail_of};

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

    fn words(self) -> &'static str {
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

    fn chosen(&self) -> Option<&InstanceActivity> {
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

/// The keys, as long as nothing else is to be said.
const KEYS: &str = "q quit  tab server  up/down statement  s sort  c cancel  p pause";

/// Draws it.
pub fn draw_top(frame: &mut Frame<'_>, view: &TopView<'_>) {
    let instances = view.board.instances();
    let [title, servers, between, list, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(
            u16::try_from(instances.len())
                .unwrap_or(u16::MAX)
                .saturating_add(1),
        ),
        Constraint::Length(2),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let width = usize::from(frame.area().width);
    let faint = style(view.color, Tone::Faint);
    let strong = style(view.color, Tone::Strong);

    let text = cell(&plain(&view.title), width);
    frame.render_widget(Paragraph::new(Line::styled(text, strong)), title);

    let mut lines = vec![Line::styled(board::heading(width), faint)];
    lines.extend(instances.iter().map(|instance| {
        let selected = Some(instance.pod.as_str()) == view.pod;
        board::line(view, instance, selected, width)
    }));
    frame.render_widget(Paragraph::new(Text::from(lines)), servers);

    let chosen = view.chosen();
    let running = chosen.map_or_else(Vec::new, |it| sorted_statements(it, view.sort));
    let pods: Vec<&str> = view.pods().collect();
    let heading = match (chosen, running.is_empty()) {
        (None, _) => String::new(),
        (Some(it), true) => format!("nothing runs on {}", tail_of(&it.pod, &pods)),
        (Some(it), false) => {
            format!("on {}, {}", tail_of(&it.pod, &pods), view.sort.words())
        }
    };
    let heads = match running.is_empty() {
        true => String::new(),
        false => statements::heading(),
    };
    let lines = [Line::raw(plain(&heading)), Line::styled(heads, faint)];
    frame.render_widget(Paragraph::new(Text::from(lines.to_vec())), between);

    // The cursor stays in sight.
    let room = usize::from(list.height);
    let cursor = running.iter().position(|it| Some(it.pid) == view.pid);
    let first = cursor.map_or(0, |at| (at + 1).saturating_sub(room));
    let lines = running.iter().skip(first).take(room);
    let lines: Vec<_> = lines
        .map(|it| statements::line(view, it, Some(it.pid) == view.pid, width))
        .collect();
    frame.render_widget(Paragraph::new(Text::from(lines)), list);

    let (text, tone) = match view.message {
        Some(message) => (plain(message), Tone::Warning),
        None => (KEYS.to_owned(), Tone::Faint),
    };
    let line = Line::styled(cell(&text, width), style(view.color, tone));
    frame.render_widget(Paragraph::new(line), foot);
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
