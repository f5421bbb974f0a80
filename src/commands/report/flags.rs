//! Flags of commands, and keys, whose names say that their value is a secret.

use regex::{Captures, Regex};

/// Stands where something was.
pub(super) const LEFT_OUT: &str = "[left out]";

/// Such a name.
const NAME: &str = r"[\w./-]*(?:passw(?:or)?d|passphrase|secret|token|credential|access[_-]?key|api[_-]?key)[\w.-]*";

/// A name that ends so says where a secret is, and not which.
const ELSEWHERE: [&str; 4] = ["file", "path", "dir", "name"];

/// Knows them.
pub(super) struct Flags {
    /// A whole name.
    name: Regex,
    /// A whole word of a command.
    flag: Regex,
    /// A flag and its value, as words of a line, as items of a list, or in YAML.
    with_value: Regex,
}

impl Flags {
    /// None when a pattern is none: each is a constant, and a test makes them.
    pub(super) fn new() -> Option<Self> {
        let value = r#"'(?:[^']|'')*'|"(?:[^"\\]|\\.)*"|[^\s'",;\[\]-][^\s'",;\]]*"#;
        let between = r#"[ \t]+|["'][ \t]*,[ \t\r\n]*|["']?[ \t]*\r?\n[ \t]*-[ \t]+"#;
        Some(Self {
            name: Regex::new(&format!("(?i)^{NAME}$")).ok()?,
            flag: Regex::new(&format!("(?i)^--?{NAME}$")).ok()?,
            with_value: Regex::new(&format!(
                r"(?i)(?P<before>^|[^\w-])(?P<flag>--?{NAME})(?P<between>{between})(?:{value})"
            ))
            .ok()?,
        })
    }

    /// Whether a key says that its value is a secret.
    pub(super) fn names_a_secret(&self, name: &str) -> bool {
        self.name.is_match(name) && !points_elsewhere(name)
    }

    /// Whether the word behind this one is a secret.
    pub(super) fn is_flag(&self, word: &str) -> bool {
        self.flag.is_match(word) && !points_elsewhere(word)
    }

    /// The text without what stands behind such flags.
    pub(super) fn without_values(&self, text: &str) -> String {
        let replaced = |found: &Captures<'_>| match points_elsewhere(&found["flag"]) {
            true => found[0].to_owned(),
            false => format!(
                "{}{}{}{LEFT_OUT}",
                &found["before"], &found["flag"], &found["between"]
            ),
        };
        self.with_value.replace_all(text, replaced).into_owned()
    }
}

fn points_elsewhere(name: &str) -> bool {
    let name = name.to_lowercase();
    ELSEWHERE.iter().any(|it| name.ends_with(it))
}
