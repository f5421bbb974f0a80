//! Where the message of a line begins: after the prefix (`log_line_prefix`, which may be anything), the
//! severity and a colon.

use super::level::{LogLevel, Word, known};

/// A severity stands near the beginning: prefixes have names in them (63 bytes each) and times.
const NEAR: usize = 640;

/// The beginning of a line that PostgreSQL wrote to stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// What the severity says; none for a word of no language that is known.
    pub(super) word: Option<Word>,
    /// Where the severity begins, in bytes: the prefix ends there.
    pub(super) word_at: usize,
    /// Where it ends.
    pub(super) word_end: usize,
    /// Where the message begins.
    pub(super) message_at: usize,
}

/// Finds the severity of a line; none when it is no beginning of an entry or a part.
pub(super) fn head(line: &str) -> Option<Head> {
    let mut near = line.len().min(NEAR);
    while !line.is_char_boundary(near) {
        near -= 1;
    }
    let mut stranger = None;
    for (colon, _) in line[..near].match_indices(':') {
        let after = &line[colon + 1..];
        let spaces = after.len() - after.trim_start_matches(' ').len();
        if spaces == 0 && !after.is_empty() {
            continue;
        }
        // French has a space before it.
        let word_end = line[..colon].trim_end_matches(' ').len();
        let found = |word: Option<Word>, word_at: usize| Head {
            word,
            word_at,
            word_end,
            message_at: colon + 1 + spaces,
        };
        if let Some((word, at)) = ending_in_a_word(&line[..word_end]) {
            // A level is always followed by two spaces; a sentence may well end in "ERROR: ".
            if matches!(word, Word::Part(_)) || spaces >= 2 || after.is_empty() {
                return Some(found(Some(word), at));
            }
        } else if stranger.is_none() && spaces == 2 && colon == word_end {
            stranger = capitals(&line[..word_end]).map(|at| found(None, at));
        }
    }
    stranger.filter(|it| begins_with_a_time(&line[..it.word_at]))
}

/// The known word that a text ends in, and where it begins.
fn ending_in_a_word(text: &str) -> Option<(Word, usize)> {
    // Up to two words: "명령 구문", "PILE D'APPEL", "ÖLÜMCÜL (FATAL)".
    let starts = text.rmatch_indices(' ').map(|(at, _)| at + 1).take(2);
    let word_at = |at: usize| Some((known(&text[at..])?, at));
    let mut starts = starts.peekable();
    let whole = if starts.peek().is_none() {
        word_at(0)
    } else {
        None
    };
    // A prefix need not end in a space: `[%p]LOG:  `.
    let glued = || {
        let begin = text.rfind(|c: char| !c.is_alphabetic() && !c.is_ascii_digit())?;
        let at = begin + text[begin..].chars().next()?.len_utf8();
        word_at(at)
    };
    whole
        .or_else(|| starts.find_map(word_at))
        .or_else(glued)
        .or_else(|| word_at(0))
}

/// Whether a text ends in a word of capitals, as severities are in every language that has them.
fn capitals(text: &str) -> Option<usize> {
    let at = text
        .rfind(|c: char| !c.is_alphabetic())
        .map_or(Some(0), |it| {
            text[it..].chars().next().map(|c| it + c.len_utf8())
        })?;
    let word = &text[at..];
    let long = word.chars().count() >= 2;
    (long && !word.chars().any(char::is_lowercase)).then_some(at)
}

/// `%m`, `%t`: a date and a time somewhere in a prefix.
fn begins_with_a_time(prefix: &str) -> bool {
    let pattern = "0000-00-00 00:00:00";
    let mut windows = prefix.as_bytes().windows(pattern.len());
    windows.any(|window| looks_like(window, pattern))
}

/// Whether a text begins like a pattern, in which `0` stands for any digit.
pub(super) fn looks_like(text: &[u8], pattern: &str) -> bool {
    let like = |(have, want): (&u8, u8)| match want {
        b'0' => have.is_ascii_digit(),
        _ => *have == want,
    };
    text.len() >= pattern.len() && text.iter().zip(pattern.bytes()).all(like)
}

impl Head {
    /// Whether it begins a part of an entry (DETAIL and so on), and no entry.
    pub(super) fn is_part(self) -> bool {
        matches!(self.word, Some(Word::Part(_)))
    }

    /// The level, where it is one and known.
    pub(super) fn level(self) -> Option<LogLevel> {
        match self.word {
            Some(Word::Level(level)) => Some(level),
            Some(Word::Part(_)) | None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(line: &str) -> Option<LogLevel> {
        head(line).and_then(Head::level)
    }

    #[test]
    fn any_prefix_will_do() {
        for line in [
            "2026-11-28 13:00:00.123 UTC [42] ERROR:  relation \"x\" does not exist",
            "2026-11-28 13:00:00.123 UTC [42] bob@shop psql ERROR:  boom",
            "ERROR:  boom",
            "[42]ERROR:  boom",
            "<2026-11-28 13:00:00 CET>ERROR:  boom",
            "db=shop,user=bob,app=a: b,client=::1 ERROR:  boom",
            "s=6929.1a, l=3 ERROR:  boom",
        ] {
            assert_eq!(level(line), Some(LogLevel::Error), "{line}");
            let head = head(line).expect(line);
            assert_eq!(&line[head.word_at..head.word_end], "ERROR", "{line}");
        }
    }

    #[test]
    fn every_language_will_do() {
        for (line, expected) in [
            (
                "2026-11-28 13:00:00 CET [1] WARNUNG:  Platz wird knapp",
                LogLevel::Warning,
            ),
            (
                "2026-11-28 13:00:00 CET [1] ERREUR:  la relation n'existe pas",
                LogLevel::Error,
            ),
            (
                "2026-11-28 13:00:00 MSK [1] ВАЖНО:  роль не существует",
                LogLevel::Fatal,
            ),
            ("2026-11-28 13:00:00 JST [1] 致命错误:  x", LogLevel::Fatal),
            ("x 오류:  y", LogLevel::Error),
        ] {
            assert_eq!(level(line), Some(expected), "{line}");
        }
        let french = head("2026-11-28 13:00:00 CET [1] ASTUCE :  essayez").expect("a hint");
        assert!(matches!(french.word, Some(Word::Part(_))));
    }

    #[test]
    fn a_strange_severity_is_one_all_the_same() {
        let line = "2026-11-28 13:00:00 EET [1] VIRHE:  taulua ei ole";
        let head = head(line).expect("a severity");
        assert_eq!(head.word, None);
        assert_eq!(&line[head.word_at..head.word_end], "VIRHE");
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for line in [
            "performing final initialization ... ok",
            "2026-11-28 13:00:00 UTC pgctl[primary-0]: starting as primary",
            "the last ERROR: it said",
            "NOTE:  of no server",
            "",
            ":",
            "::::  ",
        ] {
            assert_eq!(head(line), None, "{line}");
        }
    }
}
