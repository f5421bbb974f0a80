//! `pgctl explain`, for people.

use std::sync::LazyLock;

use regex::Regex;

use super::screen::{Screen, Tone};
use super::table::{Column, Table, normal};
use crate::explanation::Explanation;

/// A link of a page, and what is strong in it.
static LINK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\[([^\]]+)\]\(([^)]+)\)").expect("a regular expression"));

/// Each of these, whole.
pub fn explanation_screen(found: &[Explanation], screen: &Screen) -> String {
    let each = found.iter().map(|it| {
        let heading = format!("{} ({})", it.code, it.kind.title());
        let heading = screen.paint(Tone::Strong, &heading);
        let text = paragraphs(&it.text, screen);
        format!("{heading}\n{text}\n\nmore: {}\n", it.kind.page())
    });
    each.collect::<Vec<_>>().join("\n")
}

/// All that can be explained, a line each.
pub fn explanations_screen(all: &[Explanation], screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("CODE"),
        Column::kept("WHAT"),
        Column::kept("MEANING"),
    ]);
    for it in all {
        table.row([
            normal(it.code.clone()),
            normal(it.kind.title()),
            normal(without_marks(&it.summary())),
        ]);
    }
    table.draw(screen) + "\n"
}

/// Markdown as a terminal can show it: paragraphs and lists as wide as the screen, blocks of code as they are.
fn paragraphs(text: &str, screen: &Screen) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut paragraph = String::new();
    let mut code = false;
    let flush = |paragraph: &mut String, lines: &mut Vec<String>| {
        if !paragraph.is_empty() {
            let indent = if paragraph.starts_with("- ") { 2 } else { 0 };
            lines.push(screen.wrap(&without_marks(paragraph), indent));
            paragraph.clear();
        }
    };
    for line in text.lines() {
        if line.starts_with("```") {
            flush(&mut paragraph, &mut lines);
            code = !code;
        } else if code {
            lines.push(format!("  {line}"));
        } else if line.is_empty() {
            flush(&mut paragraph, &mut lines);
            lines.push(String::new());
        } else {
            if line.starts_with("- ") {
                flush(&mut paragraph, &mut lines);
            }
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(line.trim());
        }
    }
    flush(&mut paragraph, &mut lines);
    lines.join("\n")
}

/// Links lead to files of `docs/`, as somebody without a browser needs them.
fn without_marks(text: &str) -> String {
    let text = LINK.replace_all(text, |link: &regex::Captures<'_>| {
        let (what, target) = (&link[1], &link[2]);
        match target.split_once('#').map_or(target, |(file, _)| file) {
            "" => what.to_owned(),
            web if web.contains("://") => format!("{what} ({target})"),
            file => format!("{what} (docs/{file})"),
        }
    });
    text.replace("**", "")
}
