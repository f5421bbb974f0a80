//! A command line as bash has it, in words. It may end within quotes: it is being typed.

/// The words, without their quotes; the last one is under the cursor and may be empty. Nothing is expanded.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    // None between words: two quotes make a word, though it is empty.
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(chars.next()),
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.push(word.unwrap_or_default());
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_end_at_spaces_and_quotes_keep_them() {
        for (line, expected) in [
            ("", &[""][..]),
            ("pgctl", &["pgctl"]),
            ("pgctl ", &["pgctl", ""]),
            ("pgctl  -n  shop ", &["pgctl", "-n", "shop", ""]),
            ("pgctl --output=js", &["pgctl", "--output=js"]),
            (
                "pgctl query 'table a' --po",
                &["pgctl", "query", "table a", "--po"],
            ),
            ("pgctl query 'table ", &["pgctl", "query", "table "]),
            (r#"pgctl -n "a\"b" c\ d"#, &["pgctl", "-n", "a\"b", "c d"]),
            ("pgctl '' x", &["pgctl", "", "x"]),
            ("pgctl \\", &["pgctl", ""]),
        ] {
            assert_eq!(words(line), expected, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn there_is_always_a_word_under_the_cursor(line in ".*") {
            prop_assert!(!words(&line).is_empty());
        }
    }
}
