//! `-o value=FIELD`: which field of a document, and its values as lines.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::plain::plain;

/// A step on the way to a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The field of this name.
    Name(String),
    /// The item of this number, counted from 0; less than 0 from the end.
    Index(i64),
    /// Every item.
    Each,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) if is_word(name) => write!(f, ".{name}"),
            Self::Name(name) => write!(f, "[{name:?}]"),
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Each => f.write_str("[]"),
        }
    }
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && !name.contains(['.', '[', ']', '"'])
}

/// The way to a field of a document: `summary.primary`, `standbys[0].pod`, `findings[].code`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field(pub(super) Vec<Step>);

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.0.iter().map(ToString::to_string).collect();
        f.write_str(text.strip_prefix('.').unwrap_or(&text))
    }
}

impl std::str::FromStr for Field {
    type Err = String;

    /// A dot before the first name is taken, too, as `jq` has it.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut rest = text.strip_prefix('.').unwrap_or(text);
        let mut begins = true;
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let (inside, after) = inner.split_once(']').ok_or("a [ without its ]")?;
                steps.push(in_brackets(inside)?);
                rest = after;
            } else {
                let name = match (begins, rest.strip_prefix('.')) {
                    (true, _) => rest,
                    (false, Some(name)) => name,
                    (false, None) => return Err("a . or a [ is missing after a ]".to_owned()),
                };
                let end = name.find(['.', '[']).unwrap_or(name.len());
                let (name, after) = name.split_at(end);
                if name.is_empty() {
                    return Err("a name is missing".to_owned());
                }
                steps.push(Step::Name(name.to_owned()));
                rest = after;
            }
            begins = false;
        }
        if steps.is_empty() {
            return Err("name a field, such as value=summary.primary".to_owned());
        }
        Ok(Self(steps))
    }
}

fn in_brackets(inside: &str) -> Result<Step, String> {
    if inside.is_empty() || inside == "*" {
        return Ok(Step::Each);
    }
    if let Ok(index) = inside.parse() {
        return Ok(Step::Index(index));
    }
    let quoted = |quote| inside.strip_prefix(quote)?.strip_suffix(quote);
    let name = quoted('"').or_else(|| quoted('\''));
    match name {
        Some(name) if !name.is_empty() => Ok(Step::Name(name.to_owned())),
        _ => Err(format!(
            "[{inside}] is neither [] nor a number nor a quoted name"
        )),
    }
}

impl Field {
    /// Its values in a document, one a line: texts without quotes, lists and objects as JSON, what is not known
    /// as an empty line. A field that this document does not have gives no line.
    pub(super) fn lines(&self, document: &impl Serialize) -> String {
        let document = serde_json::to_value(document).expect("documents have string keys only");
        let mut found = vec![&document];
        for step in &self.0 {
            found = found.into_iter().flat_map(|it| taken(it, step)).collect();
        }
        found.into_iter().map(|it| line(it) + "\n").collect()
    }
}

fn taken<'a>(value: &'a Value, step: &Step) -> Vec<&'a Value> {
    match step {
        // Of what is not known nothing more is known.
        Step::Name(_) | Step::Index(_) if value.is_null() => vec![value],
        Step::Name(name) => value.get(name).into_iter().collect(),
        Step::Index(index) => {
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            let from_start = usize::try_from(*index).ok();
            let from_end = usize::try_from(index.unsigned_abs()).ok();
            let index = match index {
                0.. => from_start,
                _ => from_end.and_then(|it| items.len().checked_sub(it)),
            };
            index.and_then(|it| items.get(it)).into_iter().collect()
        }
        Step::Each => value.as_array().into_iter().flatten().collect(),
    }
}

fn line(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        // A line break in it would make two values of one.
        Value::String(text) => plain(text),
        other => plain(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(field: &str) -> String {
        let document = json!({
            "summary": {"primary": "db-0", "lag": null, "count": 2, "ready": true},
            "servers": [
                {"pod": "db-0", "slots": [{"name": "a"}, {"name": "b"}]},
                {"pod": "db-1\nforged\u{1b}[2J", "slots": []},
            ],
            "labels": {"app.kubernetes.io/name": "postgres"},
        });
        let field: Field = field.parse().expect(field);
        field.lines(&document)
    }

    #[test]
    fn values_are_lines_without_quotes() {
        for (field, expected) in [
            ("summary.primary", "db-0\n"),
            (".summary.primary", "db-0\n"),
            ("summary.count", "2\n"),
            ("summary.ready", "true\n"),
            ("summary.lag", "\n"),
            ("summary.lag.bytes", "\n"),
            ("servers[].slots[].name", "a\nb\n"),
            ("servers[-1].slots", "[]\n"),
            ("servers[1].slots[0].name", ""),
            ("servers[9].pod", ""),
            ("servers[-9].pod", ""),
            ("servers[0].slots[1]", "{\"name\":\"b\"}\n"),
            ("labels[\"app.kubernetes.io/name\"]", "postgres\n"),
            ("nonsense", ""),
        ] {
            assert_eq!(lines(field), expected, "{field}");
        }
    }

    #[test]
    fn a_value_is_one_line_and_drives_no_terminal() {
        assert_eq!(lines("servers[1].pod"), "db-1 forged\n");
    }

    #[test]
    fn a_way_reads_back_as_it_was_written() {
        for text in ["a.b", "a[].b[0].c", "a[-1]", "[\"x.y\"].z", "[].a"] {
            let field: Field = text.parse().expect(text);
            assert_eq!(field.to_string(), text);
        }
        for wrong in ["", ".", "a..b", "a[", "a[x]", "a.", "a[0]b", "a[\"\"]"] {
            assert!(wrong.parse::<Field>().is_err(), "{wrong}");
        }
    }
}
