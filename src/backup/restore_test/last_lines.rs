//! What a program said last.

/// How many of its lines are told.
const LINES: usize = 8;

/// The end of what a program said, on one line.
pub(super) fn last_lines(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let from = lines.len().saturating_sub(LINES);
    lines[from..].join("; ")
}
