//! The servers, a line for each.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::plain::plain;
use super::super::screen::Tone;
use super::spark::spark;
use super::view::{TopView, cell, right, style};
use crate::cluster::{InstanceActivity, Role, tail_of, words};

/// All columns but the two sparklines, with a space between each two.
const FIXED: usize = 69;

/// The narrowest and the widest sparkline.
const SPARK: (usize, usize) = (5, 40);

fn spark_width(width: usize) -> usize {
    (width.saturating_sub(FIXED) / 2).clamp(SPARK.0, SPARK.1)
}

/// The heads of the columns.
pub(super) fn heading(width: usize) -> String {
    let spark = " ".repeat(spark_width(width));
    format!(
        "  {} {} {} {spark} {} {spark} {} {} {} {}",
        cell("POD", 12),
        cell("ROLE", 7),
        right("TPS", 6),
        right("WAL/s", 8),
        right("ACTIVE", 8),
        right("CACHE", 5),
        right("BEHIND", 8),
        right("CKPT", 4),
    )
}

/// What is before the sparklines of the second line: below the pod's name.
const INDENT: usize = 15;

/// What became of the rest of a server's figures, the newest at the right.
pub(super) fn trends<'a>(
    view: &TopView<'_>,
    instance: &InstanceActivity,
    width: usize,
) -> Line<'a> {
    let series = [
        ("BEHIND", &instance.behind),
        ("ACTIVE", &instance.active),
        ("CACHE", &instance.cache),
        ("CKPT", &instance.checkpoints),
    ];
    // A name and a space before each, a space after it.
    let words: usize = series.iter().map(|(name, _)| name.len() + 2).sum();
    let each = (width.saturating_sub(INDENT + words) / series.len()).min(SPARK.1);
    let mut spans = vec![Span::raw(" ".repeat(INDENT))];
    for (name, series) in series {
        spans.push(Span::styled(
            format!("{name} "),
            style(view.color, Tone::Faint),
        ));
        spans.push(Span::styled(
            spark(series, each),
            style(view.color, Tone::Good),
        ));
        spans.push(Span::raw(" "));
    }
    Line::from(spans)
}

/// One server.
pub(super) fn line<'a>(
    view: &TopView<'_>,
    instance: &InstanceActivity,
    selected: bool,
    width: usize,
) -> Line<'a> {
    let toned = |tone: Tone, text: String| Span::styled(text, style(view.color, tone));
    let mark = if selected { "> " } else { "  " };
    let pods: Vec<&str> = view.pods().collect();
    let name = cell(&plain(tail_of(&instance.pod, &pods)), 12);
    let (role, role_tone) = match instance.role() {
        Role::Primary => ("primary", Tone::Strong),
        Role::Standby => ("standby", Tone::Normal),
        Role::Unknown => ("?", Tone::Warning),
    };
    let mut spans = vec![
        Span::styled(mark, Style::new()),
        toned(role_tone, name),
        Span::raw(" "),
        toned(role_tone, cell(role, 7)),
        Span::raw(" "),
    ];
    let counters = match &instance.answer {
        None => {
            spans.push(toned(Tone::Faint, "asking...".to_owned()));
            return Line::from(spans);
        }
        Some(Err(why)) => {
            let room = width.saturating_sub(24);
            spans.push(toned(Tone::Bad, cell(&plain(&why.to_string()), room)));
            return Line::from(spans);
        }
        Some(Ok(sample)) => &sample.counters,
    };
    let sparks = spark_width(width);
    let rates = instance.rates;
    let unknown = || "-".to_owned();
    let full = f64::from(counters.clients()) > 0.9 * f64::from(counters.max_connections);
    let clients = format!("{}/{}", counters.active, counters.clients());
    let behind = view.board.behind(instance);
    spans.extend([
        Span::raw(right(
            &rates.map_or_else(unknown, |it| format!("{:.0}", it.transactions)),
            6,
        )),
        Span::raw(" "),
        toned(Tone::Good, spark(&instance.transactions, sparks)),
        Span::raw(" "),
        Span::raw(right(
            &rates
                .and_then(|it| it.wal_bytes)
                .map_or_else(unknown, short_bytes),
            8,
        )),
        Span::raw(" "),
        toned(Tone::Good, spark(&instance.wal, sparks)),
        Span::raw(" "),
        toned(
            if full { Tone::Bad } else { Tone::Normal },
            right(&clients, 8),
        ),
        Span::raw(" "),
        Span::raw(right(
            &rates
                .and_then(|it| it.cache_hits)
                .map_or_else(unknown, |part| format!("{:.0}%", part * 100.0)),
            5,
        )),
        Span::raw(" "),
        Span::raw(right(
            &behind.map_or_else(unknown, |bytes| short_bytes(bytes as f64)),
            8,
        )),
        Span::raw(" "),
        toned(
            match rates.is_some_and(|it| it.checkpoints > 0) {
                true => Tone::Warning,
                false => Tone::Normal,
            },
            right(&counters.checkpoints.to_string(), 4),
        ),
    ]);
    Line::from(spans)
}

/// Bytes in a column of 8.
pub(super) fn short_bytes(bytes: f64) -> String {
    words::bytes(bytes.max(0.0) as u64)
}
