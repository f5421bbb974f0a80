//! What is wrong, why, and what to type about it.

use super::plain::plain;
use super::screen::{Screen, Tone};
use crate::cluster::{Health, HealthFinding, Severity};

/// The findings, most urgent first; empty when there are none. Commands are never wrapped: they
/// are there to be copied.
pub(super) fn findings_section(health: &Health, screen: &Screen) -> String {
    findings_of(&health.findings, screen)
}

/// Some of them.
pub(super) fn findings_of<'a>(
    findings: impl IntoIterator<Item = &'a HealthFinding>,
    screen: &Screen,
) -> String {
    let blocks: Vec<String> = findings
        .into_iter()
        .map(|finding| {
            let (word, tone) = match finding.severity {
                Severity::Critical => ("CRITICAL", Tone::Bad),
                Severity::Warning => ("WARNING", Tone::Warning),
                Severity::Note => ("NOTE", Tone::Faint),
            };
            let what = format!("{word} {}: {}", finding.object, finding.what);
            let what = screen.wrap(&plain(&what), 2);
            let mut block = format!("{}{}", screen.paint(tone, word), &what[word.len()..]);
            if !finding.why.is_empty() {
                block.push('\n');
                let why = format!("  why:  {}", plain(&finding.why));
                block.push_str(&screen.wrap(&why, 8));
            }
            for (position, command) in finding.next.iter().enumerate() {
                let label = if position == 0 { "type:" } else { "     " };
                let command = screen.paint(Tone::Strong, &screen.given.suggestion(command));
                block.push_str(&format!("\n  {label} {command}"));
            }
            block
        })
        .collect();
    blocks.join("\n")
}
