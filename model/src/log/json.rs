//! `jsonlog`: a line is an object.

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
    const MEMBER: &str = "\"error_severity\":\"";
    if !begins(text) {
        return None;
    }
    let at = text.find(MEMBER)? + MEMBER.len();
    let end = text[at..].find('"')?;
    Some(text[at..at + end].to_owned())
}
