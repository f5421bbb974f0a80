//! What the clients of one server run, a line for each.

use ratatui::style::Modifier;
use ratatui::text::Line;

use super::super::plain::plain;
use super::super::screen::Tone;
use super::view::{TopView, cell, right, style};
use crate::cluster::{RunningStatement, words};

/// A transaction that has been open for so long holds back vacuum, seconds.
const LONG: f64 = 60.0;

/// The heads of the columns.
pub(super) fn heading() -> String {
    format!(
        "  {} {} {} {} {} STATEMENT",
        right("PID", 7),
        right("TIME", 6),
        right("TXN", 6),
        cell("WAITS FOR", 20),
        cell("USER@DATABASE", 16),
    )
}

/// One of them.
pub(super) fn line<'a>(
    view: &TopView<'_>,
    running: &RunningStatement,
    selected: bool,
    width: usize,
) -> Line<'a> {
    let blocked: Vec<String> = running.blocked_by.iter().map(i32::to_string).collect();
    let waits = if !blocked.is_empty() {
        format!("blocked by {}", blocked.join(","))
    } else if running.state == "active" {
        running.waits_for.clone().unwrap_or_default()
    } else {
        running.state.clone()
    };
    let who = format!(
        "{}@{}",
        running.user.as_deref().unwrap_or("?"),
        running.database.as_deref().unwrap_or("?")
    );
    let transaction = running
        .transaction_seconds
        .map_or_else(|| "-".to_owned(), words::seconds);
    let text = format!(
        "{}{} {} {} {} {} {}",
        if selected { "> " } else { "  " },
        right(&running.pid.to_string(), 7),
        right(&words::seconds(running.statement_seconds), 6),
        right(&transaction, 6),
        cell(&plain(&waits), 20),
        cell(&plain(&who), 16),
        plain(&running.statement)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
    );
    let long = running.transaction_seconds.is_some_and(|it| it > LONG);
    let tone = match (blocked.is_empty(), long) {
        (false, _) => Tone::Bad,
        (true, true) => Tone::Warning,
        (true, false) => Tone::Normal,
    };
    let mut look = style(view.color, tone);
    if selected {
        look = look.add_modifier(Modifier::REVERSED);
    }
    Line::styled(cell(&text, width), look)
}
