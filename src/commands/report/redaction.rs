//! Takes out of a text what nobody outside may know: passwords wherever they stand, and what clients asked.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use regex::Regex;
use serde_json::Value;

use super::flags::{Flags, LEFT_OUT};
use crate::cluster::words::unsafe_to_print;
use crate::log::{Assembler, Line, LogEntry, LogFormat};
use crate::output::plain;

/// Names of variables whose value says nothing to an attacker, and a lot to who looks for a fault.
const OPEN_VARIABLES: [&str; 7] = [
    "POD_NAME",
    "POD_NAMESPACE",
    "POD_IP",
    "PGDATA",
    "PGPORT",
    "PG_LISTEN_ADDRESSES",
    "PG_ANNOTATED_TERM",
];

/// Shorter values are words that stand anywhere: taking them out would leave nothing to read.
const SHORTEST: usize = 4;

/// What is taken out.
pub(super) struct Redaction {
    /// Values of Secrets, plain, in base64 and as a URL has them; the longest first.
    values: Vec<String>,
    patterns: Vec<(Regex, &'static str)>,
    flags: Option<Flags>,
    with_queries: bool,
}

impl Redaction {
    /// Of these values of Secrets, and of everything that looks like one.
    pub(super) fn new(secrets: &[Vec<u8>], with_queries: bool) -> Self {
        let mut values: Vec<String> = secrets.iter().flat_map(|it| shapes(it)).collect();
        values.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        values.dedup();
        let patterns = [
            // key = value, key: value, "key": "value", in any spelling.
            (
                r#"(?i)([\w-]*(?:passw(?:or)?d|passphrase|secret|token|credential|access_?key|api_?key)[\w-]*["']?\s*[=:]\s*)('(?:[^']|'')*'|"(?:[^"\\]|\\.)*"|[^\s'",;]+)"#,
                "${1}[left out]",
            ),
            (r"(://[^\s:/@]*:)[^\s@/]+@", "${1}[left out]@"),
            (
                r"SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=:]+",
                "[left out]",
            ),
            (r"\bmd5[0-9a-f]{32}\b", "[left out]"),
            (
                r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*",
                "[left out]",
            ),
            (r"(?i)(\bpassword\s+)(E?'(?:[^']|'')*')", "${1}[left out]"),
            (
                r#"(?i)(\bauthorization["']?\s*[:=]\s*["']?(?:basic|bearer)\s+)[^\s"',;]+"#,
                "${1}[left out]",
            ),
        ];
        Self {
            values,
            // Each is a constant; a test makes them all.
            patterns: patterns
                .into_iter()
                .filter_map(|(pattern, with)| Some((Regex::new(pattern).ok()?, with)))
                .collect(),
            flags: Flags::new(),
            with_queries,
        }
    }

    /// The text without secrets.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.values {
            if text.contains(value.as_str()) {
                text = text.replace(value.as_str(), LEFT_OUT);
            }
        }
        for (pattern, with) in &self.patterns {
            text = pattern.replace_all(&text, *with).into_owned();
        }
        match &self.flags {
            Some(flags) => flags.without_values(&text),
            None => text,
        }
    }

    /// A log of PostgreSQL, without secrets and, unless they are wanted, without the queries and the values
    /// that its entries quote. It may be shown on a terminal.
    pub(super) fn log(&self, log: &str) -> String {
        let log = match self.with_queries {
            true => log.to_owned(),
            false => without_quotes(log),
        };
        let clean = self.text(&log);
        let lines: Vec<Cow<'_, str>> = clean.split('\n').map(|it| self.shown(it)).collect();
        lines.join("\n")
    }

    /// A line of which everything can be seen, also what would have driven a terminal.
    fn shown<'a>(&self, line: &'a str) -> Cow<'a, str> {
        if !line.chars().any(is_hidden) {
            return line.into();
        }
        let bare: Vec<String> = line.split('\t').map(plain).collect();
        let bare = bare.join("\t");
        let clean = self.text(&bare);
        match clean == bare {
            true => line.chars().map(seen).collect::<String>().into(),
            // What stood in the middle of a secret is no way past.
            false => clean.into(),
        }
    }

    /// An object of Kubernetes: variables without their values, annotations without copies of the object.
    pub(super) fn object(&self, object: &mut Value) {
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
            if let Some(annotations) = metadata
                .get_mut("annotations")
                .and_then(Value::as_object_mut)
            {
                annotations.retain(|name, _| !name.contains("last-applied"));
            }
        }
        for map in ["/metadata/annotations", "/data"] {
            if let Some(Value::Object(entries)) = object.pointer_mut(map) {
                self.entries(entries);
            }
        }
        self.below(object);
    }

    /// A key that says that its value is a secret is believed.
    fn entries(&self, entries: &mut serde_json::Map<String, Value>) {
        let Some(flags) = &self.flags else { return };
        for (name, value) in entries {
            if value.is_string() && flags.names_a_secret(name) {
                *value = LEFT_OUT.into();
            }
        }
    }

    fn below(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => self.items(items),
            Value::Object(fields) => {
                let variable = fields.get("name").and_then(Value::as_str);
                let open = variable.is_none_or(|it| OPEN_VARIABLES.contains(&it));
                for (name, field) in fields.iter_mut() {
                    match (name.as_str(), open) {
                        ("value", false) if field.is_string() => *field = LEFT_OUT.into(),
                        _ => self.below(field),
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Of the words of a command the one behind a flag such as `--token` is a secret.
    fn items(&self, items: &mut [Value]) {
        let mut expected = false;
        for item in items {
            let word = item.as_str().unwrap_or_default();
            if expected && !word.is_empty() && !word.starts_with('-') {
                *item = LEFT_OUT.into();
                expected = false;
                continue;
            }
            expected = self.flags.as_ref().is_some_and(|it| it.is_flag(word));
            self.below(item);
        }
    }
}

/// A log without the queries and the values that its entries quote.
fn without_quotes(log: &str) -> String {
    let mut assembler = Assembler::new(usize::MAX);
    let mut entries: Vec<LogEntry> = Vec::new();
    for line in log.lines() {
        let line = Line {
            time: (),
            text: line.as_bytes(),
            dropped: 0,
        };
        entries.extend(assembler.push(line).map(|(_, entry)| entry));
    }
    entries.extend(assembler.end().map(|(_, entry)| entry));
    // These are the last lines of a longer log: those before its first record may be the end of one.
    let first = entries.iter().position(|it| it.format == LogFormat::Csv);
    let kept = entries.iter().enumerate().map(|(at, entry)| {
        let may_be_the_end = first.is_some_and(|first| at < first);
        match (entry.format, may_be_the_end) {
            (LogFormat::Other, true) => LEFT_OUT.to_owned(),
            _ => entry.without_quotes(LEFT_OUT),
        }
    });
    let lines: Vec<String> = kept.collect();
    lines.join("\n") + "\n"
}

fn is_hidden(c: char) -> bool {
    c != '\t' && unsafe_to_print(c)
}

/// A character as `cat -v` shows it, or as its number.
fn seen(c: char) -> String {
    match u8::try_from(c) {
        _ if !is_hidden(c) => c.to_string(),
        Ok(code @ (..32 | 127)) => format!("^{}", char::from(code ^ 64)),
        _ => c.escape_unicode().to_string(),
    }
}

/// Every shape in which the value of a Secret may stand somewhere.
fn shapes(value: &[u8]) -> Vec<String> {
    let bare = value.trim_ascii();
    if bare.len() < SHORTEST {
        return Vec::new();
    }
    let mut shapes = Vec::new();
    // Who writes one down by hand leaves a line end behind it, or takes one away.
    for bytes in [
        value.to_vec(),
        bare.to_vec(),
        [bare, b"\n"].concat(),
        [bare, b"\r\n"].concat(),
    ] {
        shapes.push(BASE64_STANDARD.encode(&bytes));
        shapes.push(BASE64_STANDARD_NO_PAD.encode(&bytes));
        shapes.push(BASE64_URL_SAFE_NO_PAD.encode(&bytes));
    }
    if let Ok(text) = std::str::from_utf8(bare) {
        shapes.push(text.to_owned());
        shapes.push(escaped(text));
        let quoted = Value::from(text).to_string();
        // It begins and ends with a quote; those inside are escaped.
        let inside = quoted.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        shapes.extend(inside.map(str::to_owned));
    }
    shapes
}

/// As a URL has it.
fn escaped(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn redaction(with_queries: bool) -> Redaction {
        Redaction::new(&[b"hunter/2!".to_vec(), b"x".to_vec()], with_queries)
    }

    #[test]
    fn every_pattern_is_one() {
        assert_eq!(redaction(false).patterns.len(), 7);
        assert!(redaction(false).flags.is_some());
    }

    #[test]
    fn a_secret_is_taken_out_wherever_and_however_it_stands() {
        for text in [
            "plain hunter/2! text",
            "aHVudGVyLzIh",
            "hunter%2F2%21",
            "primary_conninfo = 'host=a password=other1'",
            "PGPASSWORD=other1 psql",
            "{\"api_key\": \"other1\"}",
            "postgres://shop:other1@db/shop",
            "alter role a password 'other1'",
            "SCRAM-SHA-256$4096:c2FsdA==$other1==:other1==",
            "md50123456789abcdef0123456789abcdef",
            "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJvdGhlcjEifQ.other1",
            "Authorization: Basic other1other1==",
            "archive --token other1 --keep 3",
            "archive --admin-password 'other1 other1'",
            "args:\n  - --token\n  - other1\n",
            "[\"--api-key\", \"other1\"]",
        ] {
            let clean = redaction(false).text(text);
            assert!(clean.contains(LEFT_OUT), "{clean}");
            for secret in ["hunter", "aHVu", "other1", "0123456789abcdef"] {
                assert!(!clean.contains(secret), "{clean}");
            }
        }
        for harmless in [
            "password_encryption is scram, x is 1, 2 tokens",
            "archive --token-file /run/token --verbose",
            "archive --token\nnext line",
        ] {
            assert_eq!(redaction(false).text(harmless), harmless);
        }
    }

    #[test]
    fn a_value_is_found_with_and_without_its_line_end_and_when_it_is_no_text() {
        let secrets = [
            b"Kw8-of-somebody\r\n".to_vec(),
            b"\xff\xfe\x00\x01binary".to_vec(),
            b"  \n".to_vec(),
        ];
        let redaction = Redaction::new(&secrets, false);
        for bytes in [
            b"Kw8-of-somebody".as_slice(),
            b"Kw8-of-somebody\n",
            b"Kw8-of-somebody\r\n",
            &secrets[1],
        ] {
            for shape in [
                BASE64_STANDARD.encode(bytes),
                BASE64_URL_SAFE_NO_PAD.encode(bytes),
            ] {
                assert_eq!(redaction.text(&shape), LEFT_OUT, "{shape}");
            }
        }
        assert_eq!(redaction.text("a Kw8-of-somebody b"), "a [left out] b");
        assert_eq!(redaction.text("two  \nlines"), "two  \nlines");
    }

    #[test]
    fn a_log_keeps_what_happened_and_not_what_was_asked() {
        let log = "2026-01-01 LOG:  duration: 7 ms  statement: select 'card 4711'\n\
             \tfrom cards\n\
             2026-01-01 ERROR:  duplicate key value\n\
             2026-01-01 DETAIL:  Key (card)=(4711) already exists.\n\
             2026-01-01 LOG:  checkpoint starting: time\n";
        let clean = redaction(false).log(log);
        assert!(
            !clean.contains("4711") && !clean.contains("from cards"),
            "{clean}"
        );
        assert!(
            clean.contains("duration: 7 ms") && clean.contains("duplicate key"),
            "{clean}"
        );
        assert!(clean.contains("checkpoint starting: time"), "{clean}");
        assert!(redaction(true).log(log).contains("4711"));
    }

    #[test]
    fn what_drives_a_terminal_is_no_part_of_a_log_and_hides_no_secret() {
        let log = "2026-01-01 LOG:  checkpoint\u{1b}]0;owned\u{7} by\tKw8-of\u{1b}[0m-somebody\n";
        for with_queries in [false, true] {
            let redaction = Redaction::new(&[b"Kw8-of-somebody".to_vec()], with_queries);
            let clean = redaction.log(log);
            for gone in ["\u{1b}", "\u{7}", "Kw8"] {
                assert!(!clean.contains(gone), "{gone:?} in {clean:?}");
            }
            assert!(clean.contains("checkpoint"), "{clean:?}");
            // One that has no end takes nothing along.
            let log = "2026-01-01 WARNING:  a\u{1b}]0;b\tc\u{202e}d\n2026-01-01 LOG:  e\n";
            let shown = "2026-01-01 WARNING:  a^[]0;b\tc\\u{202e}d\n2026-01-01 LOG:  e\n";
            assert_eq!(redaction.log(log), shown);
        }
    }

    #[test]
    fn in_another_language_or_format_a_log_keeps_no_more() {
        let before = "2026-01-01 13:00:00.123 CET [42]";
        let german = format!(
            "\tkarten where karte = 4711\n\
             {before} LOG:  Dauer: 7 ms  Anweisung: select 4711\n\
             \tfrom karten\n\
             {before} FEHLER:  doppelter Schlüsselwert\n\
             {before} DETAIL:  Schlüssel (karte)=(4711) existiert bereits.\n\
             {before} ANWEISUNG:  insert into karten values (4711)\n"
        );
        let csv = "karten where karte = 4711\",,,\"psql\"\n\
             2026-01-01 13:00:00.123 UTC,\"bob\",\"shop\",42,,1,1,,2026-01-01 12:00:00 UTC,,0,ERROR,23505,\
             \"doppelter Schlüsselwert\",\"(karte)=(4711)\",,,,,\"insert into karten\nvalues (4711)\",,,\"psql\"\n";
        let json = r#"{"timestamp":"2026-01-01 13:00:00.123 UTC","pid":42,"error_severity":"ERROR","message":"doppelter Schlüsselwert","detail":"(karte)=(4711)","statement":"insert into karten values (4711)"}"#;
        for log in [german.as_str(), csv, json] {
            let clean = redaction(false).log(log);
            assert!(
                !clean.contains("4711") && !clean.contains("karten"),
                "{clean}"
            );
            assert!(clean.contains("doppelter Schlüsselwert"), "{clean}");
            assert!(redaction(true).log(log).contains("4711"));
        }
    }

    #[test]
    fn an_object_keeps_its_shape() {
        let mut object = json!({
            "metadata": {"name": "p", "managedFields": [], "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "{\"data\": \"hunter/2!\"}",
                "note": "it was hunter/2!"}},
            "spec": {"containers": [{"name": "c", "env": [
                {"name": "PGDATA", "value": "/data"},
                {"name": "SMTP", "value": "other1"},
                {"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "postgres-password"}}}]}]}});
        redaction(false).object(&mut object);
        let text = object.to_string();
        assert!(
            !text.contains("hunter") && !text.contains("other1"),
            "{text}"
        );
        assert!(
            text.contains("/data") && text.contains("postgres-password"),
            "{text}"
        );
        assert!(!text.contains("last-applied"), "{text}");
    }

    #[test]
    fn words_of_commands_and_entries_of_config_maps_say_what_they_are() {
        let mut object = json!({
            "metadata": {"annotations": {"example.com/admin-token": "other1"}},
            "data": {"admin-password": "other1", "tokens-per-page": "other1", "note": "kept"},
            "spec": {"args": ["--token", "other1", "--token-file", "/run/t", "--password", "--keep", "3"]}});
        redaction(false).object(&mut object);
        let text = object.to_string();
        assert!(!text.contains("other1"), "{text}");
        for kept in ["kept", "/run/t", "--keep", "\"3\""] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
    }
}
