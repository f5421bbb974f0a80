//! `csvlog`: a record of 26 fields, in which a message may have several lines.

use super::head::looks_like;

/// The positions of the fields that are of use (src/backend/utils/error/csvlog.c).
pub(super) mod field {
    pub(crate) const TIME: usize = 0;
    pub(crate) const USER: usize = 1;
    pub(crate) const DATABASE: usize = 2;
    pub(crate) const PID: usize = 3;
    pub(crate) const SEVERITY: usize = 11;
    pub(crate) const SQLSTATE: usize = 12;
    pub(crate) const MESSAGE: usize = 13;
    pub(crate) const DETAIL: usize = 14;
    pub(crate) const HINT: usize = 15;
    pub(crate) const QUERY: usize = 16;
    pub(crate) const CONTEXT: usize = 18;
    pub(crate) const STATEMENT: usize = 19;
    pub(crate) const APPLICATION: usize = 22;
}

/// Whether a line begins a record: `2026-11-28 13:00:00.123 UTC,"user",…`.
pub(super) fn begins(line: &str) -> bool {
    let pattern = "0000-00-00 00:00:00.000 ";
    let Some(rest) = line.get(pattern.len()..) else {
        return false;
    };
    let time = looks_like(line.as_bytes(), pattern);
    let zone = rest.find(',').unwrap_or(rest.len());
    // A user in quotes or none, a database in quotes or none, a number.
    let mut after = rest[zone..].splitn(5, ',').skip(1);
    let name = |text: Option<&str>| text.is_some_and(|it| it.is_empty() || it.starts_with('"'));
    time && zone <= 8 && zone > 0 && name(after.next()) && name(after.next())
}

/// Whether a quote is open after a text when none was before it, and none when one was. With one open at its end
/// the record goes on in the next line.
pub(super) fn turns_quotes(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1
}

/// The fields; of a record that was cut those that are there.
pub(super) fn fields(text: &str) -> Vec<String> {
    raw_fields(text).into_iter().map(plain).collect()
}

/// The fields as they stand there, with their quotes.
pub(super) fn raw_fields(text: &str) -> Vec<&str> {
    let mut within = false;
    let at_commas = |c: char| {
        // A doubled quote ends a text and begins it again.
        within ^= c == '"';
        c == ',' && !within
    };
    text.split(at_commas).collect()
}

/// A field without its quotes.
pub(super) fn plain(raw: &str) -> String {
    let mut plain = String::new();
    let mut quoted = false;
    let mut characters = raw.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                plain.push('"');
            }
            '"' => quoted = !quoted,
            c => plain.push(c),
        }
    }
    plain
}

/// A text as a field of its own.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// The severity of a record.
pub(super) fn severity(text: &str) -> Option<String> {
    fields(text).into_iter().nth(field::SEVERITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_commas_and_lines_together() {
        assert_eq!(
            fields("a,\"b, \"\"c\"\"\nd\",,e"),
            ["a", "b, \"c\"\nd", "", "e"]
        );
        assert!(turns_quotes("a,\"b"));
        assert!(!turns_quotes("a,\"b\"\"\",c"));
    }

    #[test]
    fn only_a_record_begins_one() {
        assert!(begins("2026-11-28 13:00:00.123 UTC,,,42,,6929.1,1,,"));
        assert!(begins("2026-11-28 13:00:00.123 UTC,\"bob\",\"shop\",42,"));
        assert!(!begins("2026-11-28 13:00:00.123 UTC [42] LOG:  a, b, c"));
        assert!(!begins(""));
    }
}
