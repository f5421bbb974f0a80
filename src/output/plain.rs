//! Text from the cluster is somebody else's: it may hold anything, and must not drive the terminal.

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

/// Escapes in a JSON document what JSON itself lets through raw and a terminal may obey: C1
/// controls, DEL and the like. Such characters occur in a document only inside strings, so that
/// `\uXXXX` means the same and no data is lost.
pub(super) fn json_safe(document: String) -> String {
    let bad = |c: char| c != '\n' && unsafe_to_print(c);
    // The usual one, which may be of a thousand clusters, is not copied.
    if !document.chars().any(bad) {
        return document;
    }
    let mut safe = String::with_capacity(document.len());
    for c in document.chars() {
        if bad(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

fn unsafe_to_print(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Zero-width characters and directional marks (Unicode "Cf" that terminals act on).
            '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}'
            | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
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
            let safe = json_safe(document.clone());
            prop_assert!(!safe.chars().any(|c| c != '\n' && unsafe_to_print(c)));
            let back: Vec<String> = serde_json::from_str(&safe).expect("still JSON");
            prop_assert_eq!(back, [text]);
        }
    }
}
