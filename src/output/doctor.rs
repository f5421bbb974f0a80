//! `pgctl doctor`: what was found, the most urgent first.

use super::plain::plain;
use super::screen::{Screen, Tone};
use crate::cluster::ObjectRef;
use crate::doctor::{CheckResult, Examination, Group, Outcome};

/// Lines of evidence that one result shows.
const MOST_EVIDENCE: usize = 5;

/// The answer in a line: how much of what.
pub fn doctor_answer(examination: &Examination, screen: &Screen) -> String {
    let counted = |outcome, one: &str, many: &str| match examination.count(outcome) {
        0 => None,
        1 => Some(format!("1 {one}")),
        more => Some(format!("{more} {many}")),
    };
    let found: Vec<String> = [
        counted(Outcome::Critical, "critical", "critical"),
        counted(Outcome::Warning, "warning", "warnings"),
        counted(Outcome::Unknown, "unknown", "unknown"),
        counted(Outcome::Note, "note", "notes"),
        counted(Outcome::Passed, "check passed", "checks passed"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let tone = match examination.results.first().map(|it| it.outcome) {
        Some(Outcome::Critical) => Tone::Bad,
        Some(Outcome::Warning | Outcome::Unknown) => Tone::Warning,
        Some(Outcome::Note | Outcome::Passed) | None => Tone::Good,
    };
    let line = format!("{}: {}", examination.cluster, found.join(", "));
    screen.paint(tone, &screen.wrap(&plain(&line), 2))
}

/// The whole screen. What passed is named with `-v` only.
pub fn doctor_screen(examination: &Examination, verbose: bool, screen: &Screen) -> String {
    let mut parts = vec![doctor_answer(examination, screen)];
    let of = |outcome| {
        examination
            .results
            .iter()
            .filter(move |it| it.outcome == outcome)
    };
    parts.push(blocks(
        of(Outcome::Critical).chain(of(Outcome::Warning)),
        screen,
    ));
    parts.push(unknown(of(Outcome::Unknown), screen));
    parts.push(blocks(of(Outcome::Note), screen));
    if verbose {
        parts.push(passed(of(Outcome::Passed), screen));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n") + "\n"
}

/// An outcome as people read it.
pub(super) fn outcome_word(outcome: Outcome) -> (&'static str, Tone) {
    match outcome {
        Outcome::Critical => ("CRITICAL", Tone::Bad),
        Outcome::Warning => ("WARNING", Tone::Warning),
        Outcome::Unknown => ("UNKNOWN", Tone::Warning),
        Outcome::Note => ("NOTE", Tone::Faint),
        Outcome::Passed => ("PASSED", Tone::Good),
    }
}

fn headed(outcome: Outcome, text: &str, screen: &Screen) -> String {
    let (word, tone) = outcome_word(outcome);
    let text = screen.wrap(&plain(&format!("{word} {text}")), 2);
    format!("{}{}", screen.paint(tone, word), &text[word.len()..])
}

/// What was found in the same words of several objects is told once, with all of them.
fn blocks<'a>(results: impl Iterator<Item = &'a CheckResult>, screen: &Screen) -> String {
    let mut alike: Vec<Vec<&CheckResult>> = Vec::new();
    for result in results {
        let words = |it: &CheckResult| (it.outcome, it.code, it.what.clone(), it.evidence.clone());
        match alike
            .iter_mut()
            .find(|group| words(group[0]) == words(result))
        {
            Some(group) => group.push(result),
            None => alike.push(vec![result]),
        }
    }
    let blocks: Vec<String> = alike.iter().map(|group| block(group, screen)).collect();
    blocks.join("\n")
}

/// `group` has at least one result; they differ by their object only, and by what to type.
fn block(group: &[&CheckResult], screen: &Screen) -> String {
    let result = group[0];
    let objects: Vec<String> = group.iter().map(|it| it.object.to_string()).collect();
    let objects = objects.join(", ");
    let text = format!("{objects}: {} ({})", result.what, result.code);
    let mut block = headed(result.outcome, &text, screen);
    for (position, line) in result.evidence.iter().take(MOST_EVIDENCE).enumerate() {
        let label = if position == 0 { "why: " } else { "     " };
        let line = screen.wrap(&plain(&format!("  {label} {line}")), 8);
        block.push_str(&format!("\n{line}"));
    }
    let more = result.evidence.len().saturating_sub(MOST_EVIDENCE);
    if more > 0 {
        block.push_str(&format!("\n        and {more} more: -o json has them all"));
    }
    let mut commands: Vec<&String> = Vec::new();
    for command in group.iter().flat_map(|it| &it.next) {
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    for (position, command) in commands.into_iter().enumerate() {
        let label = if position == 0 { "type:" } else { "     " };
        let command = screen.paint(Tone::Strong, &screen.given.suggestion(command));
        block.push_str(&format!("\n  {label} {command}"));
    }
    block
}

/// What is unknown for one reason is told once, with all the checks that it costs.
fn unknown<'a>(results: impl Iterator<Item = &'a CheckResult>, screen: &Screen) -> String {
    let mut reasons: Vec<(&ObjectRef, &str, Vec<String>, &[String])> = Vec::new();
    for result in results {
        let code = result.code.to_string();
        let same = reasons
            .iter_mut()
            .find(|(object, why, _, _)| **object == result.object && *why == result.what);
        match same {
            Some((_, _, codes, _)) => {
                if !codes.contains(&code) {
                    codes.push(code);
                }
            }
            None => reasons.push((&result.object, &result.what, vec![code], &result.next)),
        }
    }
    let blocks: Vec<String> = reasons
        .into_iter()
        .map(|(object, why, codes, next)| {
            let mut block = headed(Outcome::Unknown, &format!("{object}: {why}"), screen);
            let line = format!("  not looked at: {}", codes.join(", "));
            block.push_str(&format!("\n{}", screen.wrap(&plain(&line), 8)));
            for command in next {
                let command = screen.paint(Tone::Strong, &screen.given.suggestion(command));
                block.push_str(&format!("\n  type: {command}"));
            }
            block
        })
        .collect();
    blocks.join("\n")
}

/// The checks of each group that passed.
fn passed<'a>(results: impl Iterator<Item = &'a CheckResult>, screen: &Screen) -> String {
    let mut groups: Vec<(Group, Vec<String>)> = Vec::new();
    for result in results {
        let line = match result.code.group() {
            // Of those the code says what it is.
            Group::Health => format!("  {}", result.code),
            _ => format!("  {} ({})", result.what, result.code),
        };
        match groups.last_mut() {
            Some((group, lines)) if *group == result.code.group() => lines.push(line),
            _ => groups.push((result.code.group(), vec![line])),
        }
    }
    let blocks: Vec<String> = groups
        .into_iter()
        .map(|(group, lines)| {
            let title = screen.paint(Tone::Good, &format!("PASSED {}", group.title()));
            let lines = match group {
                Group::Health => {
                    let words: Vec<&str> = lines.iter().map(|it| it.trim()).collect();
                    screen.wrap(&format!("  not found: {}", words.join(", ")), 4)
                }
                _ => {
                    let wrapped = lines.iter().map(|it| screen.wrap(&plain(it), 4));
                    wrapped.collect::<Vec<_>>().join("\n")
                }
            };
            format!("{title}\n{lines}")
        })
        .collect();
    blocks.join("\n")
}
