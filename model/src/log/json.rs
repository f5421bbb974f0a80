//! `jsonlog`: a line is an object.

use std::ops::Range;

use serde_json::{Map, Value};

/// The members of an entry; none when it is no entry of PostgreSQL's.
pub(super) fn members(text: &str) -> Option<Map<String, Value>> {
    if !begins(text) {
        return None;
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) if members.contains_key("error_severity") => Some(members),
        Ok(_) | Err(_) => None,
    }
}

/// Whether a line could be one: the time comes first (src/backend/utils/error/jsonlog.c).
pub(super) fn begins(line: &str) -> bool {
    line.starts_with("{\"timestamp\":\"")
}

/// The severity, read without the rest: an entry that was cut is no whole JSON any more.
pub(super) fn severity(text: &str) -> Option<String> {
    if !begins(text) {
        return None;
    }
    string_of(text, "error_severity").map(|place| text[place].to_owned())
}

/// Where the text of a member stands, without its quotes; it need not be whole.
pub(super) fn string_of(text: &str, member: &str) -> Option<Range<usize>> {
    // Within a text every quote has a backslash before it: this is a member.
    let begins = format!(",\"{member}\":\"");
    let begin = text.find(&begins)? + begins.len();
    let mut escaped = false;
    let end = text[begin..].find(|c: char| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    Some(begin..end.map_or(text.len(), |end| begin + end))
}

/// The text that stands between two quotes; none when it was cut.
pub(super) fn unescaped(raw: &str) -> Option<String> {
    serde_json::from_str(&format!("\"{raw}\"")).ok()
}

/// A text as it stands between two quotes.
pub(super) fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}
