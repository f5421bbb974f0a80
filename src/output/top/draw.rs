//! The screen as a whole.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::text::{Line, Text};
use ratatui::widgets::Paragraph;

use super::super::plain::plain;
use super::super::screen::Tone;
use super::view::{TopView, cell, sorted_statements, style};
use super::{board, statements};
use crate::cluster::tail_of;

/// The keys, as long as nothing else is to be said.
const KEYS: &str = "q quit  tab server  up/down statement  s sort  c cancel  p pause";

/// Lines that the statements have at least, where each server gets a second line of sparklines.
const STATEMENTS: usize = 6;

/// Draws it.
pub fn draw_top(frame: &mut Frame<'_>, view: &TopView<'_>) {
    let instances = view.board.instances();
    // The title, the heads, two lines between and the foot.
    let rest = usize::from(frame.area().height).saturating_sub(5 + STATEMENTS);
    let trends = rest >= 2 * instances.len();
    let rows = instances.len() * if trends { 2 } else { 1 };
    let [title, servers, between, list, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(1)),
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
    for instance in &instances {
        let selected = Some(instance.pod.as_str()) == view.pod;
        lines.push(board::line(view, instance, selected, width));
        if trends {
            lines.push(board::trends(view, instance, width));
        }
    }
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
