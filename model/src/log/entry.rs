//! One entry: a line that begins it, and all that belongs to it.

use super::head::head;
use super::level::{LogLevel, Word, known};
use super::{csv, json};

/// In which of its formats PostgreSQL wrote an entry (`log_destination`), or who else did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// `stderr`, with any `log_line_prefix`.
    Stderr,
    /// `csvlog`.
    Csv,
    /// `jsonlog`.
    Json,
    /// The deployment's start script.
    StartScript,
    /// Somebody else: a line that is none of PostgreSQL's.
    Other,
}

/// An entry of a log. The text is the server's: nothing in it is safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Who wrote it, and how.
    pub format: LogFormat,
    /// How bad it is; none when it does not say, or in a word of no language that is known.
    pub level: Option<LogLevel>,
    /// All its lines, without a line break at the end.
    pub text: String,
    /// Bytes at its end that were not kept.
    pub dropped: u64,
}

impl LogEntry {
    /// Makes out what the lines of an entry are.
    pub(super) fn new(text: String, dropped: u64) -> Self {
        let (format, level) = judged(&text);
        Self {
            format,
            level,
            text,
            dropped,
        }
    }

    /// Whether it is the rest of an entry whose beginning is not there (a STATEMENT, say): that says nothing of how bad it
    /// was, in any language.
    pub fn is_rest(&self) -> bool {
        let first = self.text.lines().next().unwrap_or_default();
        let head = head(first).filter(|_| self.format == LogFormat::Stderr);
        head.is_some_and(|it| matches!(it.word, Some(Word::Part(_))))
    }

    /// Whether it says how bad it is in a word that is not known, which only a translation of
    /// PostgreSQL (`lc_messages`) has.
    pub fn speaks_a_strange_language(&self) -> bool {
        self.level.is_none()
            && matches!(
                self.format,
                LogFormat::Stderr | LogFormat::Csv | LogFormat::Json
            )
    }
}

/// What the first line says.
fn judged(text: &str) -> (LogFormat, Option<LogLevel>) {
    let first = text.lines().next().unwrap_or_default();
    if let Some(severity) = json::severity(text) {
        return (LogFormat::Json, level_of(&severity));
    }
    if csv::begins(first) {
        return (
            LogFormat::Csv,
            csv::severity(text).and_then(|word| level_of(&word)),
        );
    }
    if let Some(message) = start_script(first) {
        return (LogFormat::StartScript, Some(how_bad(message)));
    }
    match head(first) {
        Some(head) => (LogFormat::Stderr, head.level()),
        None => (LogFormat::Other, None),
    }
}

fn level_of(word: &str) -> Option<LogLevel> {
    match known(word)? {
        Word::Level(level) => Some(level),
        Word::Part(_) => None,
    }
}

/// The message of a line that `deploy/base/scripts/start.sh` wrote: `TIME pgctl[POD]: MESSAGE`.
pub(super) fn start_script(line: &str) -> Option<&str> {
    let (before, message) = line.split_once("]: ")?;
    let (time, _) = before.split_once(" pgctl[")?;
    let time = time.strip_suffix(" UTC")?;
    (time.len() == "0000-00-00 00:00:00".len()).then_some(message)
}

/// What the script has no word for: a pod that will not start is worse than one that waits.
fn how_bad(message: &str) -> LogLevel {
    if message.starts_with("refusing to start") {
        LogLevel::Fatal
    } else if message.starts_with("waiting (") {
        LogLevel::Warning
    } else {
        LogLevel::Log
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (LogFormat, Option<LogLevel>) {
        let entry = LogEntry::new(text.to_owned(), 0);
        (entry.format, entry.level)
    }

    #[test]
    fn an_entry_says_how_bad_it_is_in_any_format() {
        for (text, format, level) in [
            ("x ERROR:  boom", LogFormat::Stderr, Some(LogLevel::Error)),
            (
                r#"{"timestamp":"2026-11-28 13:00:00.1 UTC","pid":1,"error_severity":"WARNING","message":"m"}"#,
                LogFormat::Json,
                Some(LogLevel::Warning),
            ),
            (
                r#"2026-11-28 13:00:00.123 UTC,"bob","shop",42,"[local]",6929.1,3,"SELECT",2026-11-28 12:00:00 UTC,1/2,0,ERROR,42P01,"boom",,,,,,"x",15,,"psql","client backend",,0"#,
                LogFormat::Csv,
                Some(LogLevel::Error),
            ),
            (
                "2026-11-28 13:00:00 UTC pgctl[p-0]: refusing to start (empty-primary): no",
                LogFormat::StartScript,
                Some(LogLevel::Fatal),
            ),
            ("fixing permissions ... ok", LogFormat::Other, None),
        ] {
            assert_eq!(of(text), (format, level), "{text}");
        }
    }

    #[test]
    fn what_begins_with_a_part_is_the_rest_of_something() {
        for (text, rest) in [
            ("x STATEMENT:  select 1/0", true),
            ("2026-11-28 13:00:00 EET [1] VIRHE:  taulu", false),
            ("x ERROR:  boom", false),
        ] {
            assert_eq!(LogEntry::new(text.to_owned(), 0).is_rest(), rest, "{text}");
        }
    }
}
