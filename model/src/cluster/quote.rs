//! Quoting of SQL, for statements that take no parameters (`ALTER SYSTEM`, replication functions in a simple
//! query), and for those that somebody is to type.

/// A string constant. Never empty of quotes, whatever is in the text: quotes are doubled, and a
/// text with backslashes becomes an `E''` constant, which means the same whatever
/// `standard_conforming_strings` says. As libpq's `PQescapeLiteral`.
pub fn quote_literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    // PostgreSQL has no character zero: a text cut there would be another text.
    let doubled = doubled.replace('\0', "\u{FFFD}");
    if doubled.contains('\\') {
        format!(" E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// A quoted identifier.
pub fn quote_identifier(name: &str) -> String {
    format!(
        "\"{}\"",
        name.replace('"', "\"\"").replace('\0', "\u{FFFD}")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_the_quotes() {
        for (text, literal) in [
            ("a", "'a'"),
            ("", "''"),
            ("it's", "'it''s'"),
            ("'; drop table x; --", "'''; drop table x; --'"),
            ("\\", " E'\\\\'"),
            ("\\'; x", " E'\\\\''; x'"),
            ("a\0b", "'a\u{FFFD}b'"),
        ] {
            assert_eq!(quote_literal(text), literal);
        }
        assert_eq!(quote_identifier("a\"b"), "\"a\"\"b\"");
    }
}
