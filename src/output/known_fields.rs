//! Whether a document has a field, by its schema: a wrong one is told before anything is looked at or changed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::field::{Field, Step};
use super::schema::schemas;

/// A field that none of the documents has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownField {
    /// How far the way leads; empty at the document itself.
    pub place: String,
    /// What is wrong there, in a sentence.
    pub reason: String,
    /// The fields that there are at that place, sorted; none where there are no fields.
    pub there: Vec<String>,
}

type Schemas = BTreeMap<&'static str, Value>;

/// A part of a schema, and the file that its references are relative to.
type Part<'a> = (&'a str, &'a Value);

/// Looks a field up in the documents that a command may print, named by the files of their schemas.
///
/// # Errors
/// When none of them has it.
pub fn known_field(field: &Field, documents: &[&'static str]) -> Result<(), UnknownField> {
    let schemas = schemas();
    let roots = documents
        .iter()
        .filter_map(|it| Some((*it, schemas.get(it)?)));
    let mut here = expanded(roots.collect(), &schemas);
    for (position, step) in field.0.iter().enumerate() {
        // What its schema leaves open may have any field.
        if here.iter().any(|(_, part)| is_open(part)) {
            return Ok(());
        }
        let next = here.iter().filter_map(|part| below(*part, step));
        let next = expanded(next.collect(), &schemas);
        if next.is_empty() {
            let place = Field(field.0[..position].to_vec()).to_string();
            return Err(unknown(&here, step, place));
        }
        here = next;
    }
    Ok(())
}

fn unknown(here: &[Part<'_>], step: &Step, place: String) -> UnknownField {
    let named = here
        .iter()
        .filter_map(|(_, part)| part.get("properties")?.as_object());
    let names: BTreeSet<&String> = named.flat_map(|it| it.keys()).collect();
    let is_list = here.iter().any(|(_, part)| part.get("items").is_some());
    let what = match place.as_str() {
        "" => "the document",
        place => place,
    };
    let reason = match step {
        Step::Name(_) if is_list => {
            format!("{what} is a list: {place}[] is each of its items, {place}[0] the first")
        }
        Step::Name(name) if names.is_empty() => format!("{what} has no fields, and so no {name}"),
        Step::Name(name) => format!("{what} has no field {name}"),
        Step::Index(_) | Step::Each => format!("{what} is no list"),
    };
    UnknownField {
        place,
        reason,
        there: names.into_iter().cloned().collect(),
    }
}

/// Parts with those that they refer to, or are made of, put in their place.
fn expanded<'a>(parts: Vec<Part<'a>>, schemas: &'a Schemas) -> Vec<Part<'a>> {
    let mut done: Vec<Part<'a>> = Vec::new();
    let mut open = parts;
    while let Some((file, part)) = open.pop() {
        // Each part is in memory once: what refers to itself ends here.
        if done.iter().any(|(_, known)| std::ptr::eq(*known, part)) {
            continue;
        }
        done.push((file, part));
        let reference = part.get("$ref").and_then(Value::as_str);
        if let Some((other, pointer)) = reference.and_then(|it| it.split_once('#')) {
            let file = if other.is_empty() { file } else { other };
            let found = schemas.get(file).and_then(|it| it.pointer(pointer));
            open.extend(found.map(|it| (file, it)));
        }
        for of in ["anyOf", "oneOf", "allOf"] {
            let all = part.get(of).and_then(Value::as_array);
            open.extend(all.into_iter().flatten().map(|it| (file, it)));
        }
    }
    done.retain(|(_, part)| !is_only_a_reference(part));
    done
}

fn is_only_a_reference(part: &Value) -> bool {
    let fields = ["$ref", "anyOf", "oneOf", "allOf"];
    let refers = fields.iter().any(|it| part.get(it).is_some());
    refers && part.get("properties").is_none()
}

/// Whether it says nothing of what is in it.
fn is_open(part: &Value) -> bool {
    if part.as_bool() == Some(true) {
        return true;
    }
    let says = [
        "type",
        "properties",
        "items",
        "enum",
        "const",
        "prefixItems",
    ];
    part.is_object() && says.iter().all(|it| part.get(it).is_none())
}

fn below<'a>((file, part): Part<'a>, step: &Step) -> Option<Part<'a>> {
    let found = match step {
        Step::Name(name) => {
            let named = part.get("properties").and_then(|it| it.get(name));
            let any = part.get("additionalProperties");
            named.or(any.filter(|it| **it != Value::Bool(false)))
        }
        Step::Index(index) => {
            let fixed = part.get("prefixItems").and_then(Value::as_array);
            let fixed = fixed.and_then(|it| it.get(usize::try_from(*index).ok()?));
            fixed.or(part.get("items"))
        }
        Step::Each => part.get("items"),
    };
    Some((file, found?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(field: &str, document: &'static str) -> Result<(), UnknownField> {
        known_field(&field.parse().expect(field), &[document])
    }

    #[test]
    fn fields_are_known_through_references_and_lists() {
        for field in [
            "kind",
            "summary.primary",
            "summary.worstLag.bytes",
            "findings[].object.name",
            "findings[0].code",
            "findings",
        ] {
            assert_eq!(told(field, "cluster-status.json"), Ok(()), "{field}");
        }
        assert_eq!(told("items[].summary.primary", "cluster-list.json"), Ok(()));
        assert_eq!(told("steps[].name", "plan.json"), Ok(()));
        assert_eq!(told("event", "wal-event.json"), Ok(()));
    }

    #[test]
    fn a_wrong_field_names_those_that_there_are() {
        let error = told("summary.primry", "cluster-status.json").expect_err("a typo");
        assert_eq!(error.reason, "summary has no field primry");
        assert!(error.there.contains(&"primary".to_owned()), "{error:?}");
        let error = told("nonsense", "cluster-status.json").expect_err("none");
        assert_eq!(error.reason, "the document has no field nonsense");
        assert!(error.there.contains(&"verdict".to_owned()), "{error:?}");
        let error = told("findings.code", "cluster-status.json").expect_err("a list");
        assert!(error.reason.starts_with("findings is a list"), "{error:?}");
        let error = told("kind.name", "cluster-status.json").expect_err("a text");
        assert_eq!(error.reason, "kind has no fields, and so no name");
        let error = told("summary[]", "cluster-status.json").expect_err("no list");
        assert_eq!(error.reason, "summary is no list");
    }
}
