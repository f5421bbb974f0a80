//! Text from the cluster is somebody else's: it may hold anything, and must not drive the terminal.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::cluster::words::unsafe_to_print;

/// Makes text safe to print on one line: escape sequences go, and so does every other character
/// that moves the cursor, changes the direction of writing or is invisible. Line breaks and tabs
/// become spaces. Everything that comes from the cluster goes through here before it is printed.
pub fn plain(text: &str) -> String {
    console::strip_ansi_codes(text)
        .chars()
        .filter_map(|c| match c {
            '\n' | '\t' => Some(' '),
            c if unsafe_to_print(c) => None,
            c => Some(c),
        })
        .collect()
}

/// Escapes in a part of a JSON document what JSON itself lets through raw and a terminal may obey: C1
/// controls, DEL and the like. Such characters occur in a document only inside strings, so that
/// `\uXXXX` means the same and no data is lost.
pub(super) fn json_safe(part: &str) -> Cow<'_, str> {
    let bad = |c: char| c != '\n' && unsafe_to_print(c);
    if !part.chars().any(bad) {
        return part.into();
    }
    let mut safe = String::with_capacity(part.len());
    for c in part.chars() {
        if bad(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(c);
        }
    }
    safe.into()
}

/// A JSON document on its way through [`json_safe`].
pub(super) struct JsonSafe<W>(pub(super) W);

impl<W: Write> Write for JsonSafe<W> {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        // What ends in the middle of a character is given again, with its end.
        let text = match std::str::from_utf8(part) {
            Ok(text) => text,
            Err(error) => str::from_utf8(&part[..error.valid_up_to()]).unwrap_or_default(),
        };
        if text.is_empty() && !part.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "JSON is UTF-8"));
        }
        self.0.write_all(json_safe(text).as_bytes())?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_hostile_reason_can_not_drive_the_terminal() {
        for (hostile, expected) in [
            ("\u{1b}[2J\u{1b}[Hgone", "gone"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("a\u{9b}31mb", "ab"),
            ("a\r\nb\tc", "a b c"),
            ("safe\u{202e}txt.exe", "safetxt.exe"),
            ("a\u{8}\u{7f}b", "ab"),
            ("Grüße, 世界", "Grüße, 世界"),
        ] {
            let cleaned = plain(hostile);
            assert!(!cleaned.chars().any(unsafe_to_print), "{cleaned:?}");
            // What remains of a C1 sequence is only text.
            assert_eq!(cleaned.replace("31m", ""), expected, "{hostile:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_unsafe_comes_through(text: String) {
            prop_assert!(!plain(&text).chars().any(unsafe_to_print));
        }

        #[test]
        fn json_keeps_its_data(text: String) {
            let document = serde_json::to_string_pretty(&[&text]).expect("text is JSON");
            let safe = json_safe(&document);
            prop_assert!(!safe.chars().any(|c| c != '\n' && unsafe_to_print(c)));
            let back: Vec<String> = serde_json::from_str(&safe).expect("still JSON");
            prop_assert_eq!(back, [text]);
        }

        #[test]
        fn json_is_the_same_however_it_is_cut(text: String, at: prop::sample::Index) {
            let document = serde_json::to_string_pretty(&[&text]).expect("text is JSON");
            let (begin, end) = document.as_bytes().split_at(at.index(document.len()));
            let mut whole = JsonSafe(Vec::new());
            let taken = whole.write(begin).unwrap_or_default();
            whole.write_all(&begin[taken..].iter().chain(end).copied().collect::<Vec<u8>>()).expect("it is UTF-8");
            let expected = json_safe(&document);
            prop_assert_eq!(whole.0, expected.as_bytes());
        }
    }
}
