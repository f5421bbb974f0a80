//! Reading and writing `metadata` of untyped objects.

use serde_json::{Map, Value, json};
use std::sync::Arc;

use super::{Cause, Resource, StoreError};

/// Now, as Kubernetes writes times: RFC 3339, UTC, whole seconds.
#[must_use]
pub fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// The text at a JSON pointer, empty when there is none.
#[must_use]
pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// `metadata` for writing, created when missing.
///
/// # Panics
/// When the object is not a JSON object.
pub fn meta(object: &mut Value) -> &mut Map<String, Value> {
    let root = object
        .as_object_mut()
        .expect("a Kubernetes object is a JSON object");
    let meta = root.entry("metadata").or_insert_with(|| json!({}));
    if !meta.is_object() {
        *meta = json!({});
    }
    meta.as_object_mut().expect("set to an object just above")
}

/// `metadata.resourceVersion` as a number, 0 when missing.
pub(super) fn revision(object: &Value) -> u64 {
    text(object, "/metadata/resourceVersion")
        .parse()
        .unwrap_or(0)
}

pub(super) fn set_revision(object: &mut Value, revision: u64) {
    meta(object).insert(
        "resourceVersion".to_owned(),
        Value::String(revision.to_string()),
    );
}

/// A fresh object: name (or generated name), namespace, uid, creation time, generation.
pub(super) fn prepare(
    resource: &'static Resource,
    namespace: &str,
    object: &mut Value,
) -> Result<(), StoreError> {
    let Some(root) = object.as_object_mut() else {
        return Err(StoreError::Malformed(format!(
            "the object provided is not a {}",
            resource.kind
        )));
    };
    root.insert("apiVersion".to_owned(), json!(resource.api_version()));
    root.insert("kind".to_owned(), json!(resource.kind));
    let generate = text(object, "/metadata/generateName").to_owned();
    let meta = meta(object);
    if meta
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .is_empty()
    {
        if generate.is_empty() {
            return Err(StoreError::Invalid {
                resource,
                name: String::new(),
                causes: vec![Cause {
                    field: "metadata.name".to_owned(),
                    reason: "FieldValueRequired",
                    message: "Required value: name or generateName is required".to_owned(),
                }],
            });
        }
        meta.insert("name".to_owned(), json!(format!("{generate}{}", suffix())));
    }
    if resource.namespaced {
        meta.insert("namespace".to_owned(), json!(namespace));
    } else {
        meta.remove("namespace");
    }
    meta.insert("uid".to_owned(), json!(uuid::Uuid::new_v4().to_string()));
    meta.insert("creationTimestamp".to_owned(), json!(now()));
    meta.remove("deletionTimestamp");
    meta.remove("deletionGracePeriodSeconds");
    meta.remove("selfLink");
    if resource.generations {
        meta.insert("generation".to_owned(), json!(1));
    } else {
        meta.remove("generation");
    }
    Ok(())
}

/// Five characters as Kubernetes appends them to a generated name.
fn suffix() -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    uuid::Uuid::new_v4()
        .as_bytes()
        .iter()
        .take(5)
        .map(|b| char::from(ALPHABET[usize::from(*b) % ALPHABET.len()]))
        .collect()
}

/// What no update may change is put back, and the generation counted up when the wish changed.
pub(super) fn carry_over(resource: &'static Resource, old: &Arc<Value>, object: &mut Value) {
    let fixed = [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generateName",
        "resourceVersion",
    ];
    let old_meta = old.get("metadata").and_then(Value::as_object);
    let meta = meta(object);
    for field in fixed {
        match old_meta.and_then(|m| m.get(field)) {
            Some(value) => drop(meta.insert(field.to_owned(), value.clone())),
            None => drop(meta.remove(field)),
        }
    }
    if resource.generations && wish(old) != wish(object) {
        let generation = old
            .pointer("/metadata/generation")
            .and_then(Value::as_i64)
            .unwrap_or(1)
            + 1;
        self::meta(object).insert("generation".to_owned(), json!(generation));
    }
    if let Some(root) = object.as_object_mut() {
        root.insert("apiVersion".to_owned(), json!(resource.api_version()));
        root.insert("kind".to_owned(), json!(resource.kind));
    }
}

/// What the user wants: `spec`, or for kinds without one everything but metadata and status.
fn wish(object: &Value) -> Option<Map<String, Value>> {
    let mut root = object.as_object()?.clone();
    root.remove("metadata");
    root.remove("status");
    root.remove("apiVersion");
    root.remove("kind");
    Some(root)
}

/// Equal but for the times in `metadata.managedFields`: such a write changes nothing.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    if a == b {
        return true;
    }
    let strip = |v: &Value| {
        let mut v = v.clone();
        if let Some(fields) = v
            .pointer_mut("/metadata/managedFields")
            .and_then(Value::as_array_mut)
        {
            for field in fields.iter_mut().filter_map(Value::as_object_mut) {
                field.remove("time");
            }
        }
        v
    };
    strip(a) == strip(b)
}

pub(super) fn has_finalizers(object: &Value) -> bool {
    object
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array)
        .is_some_and(|f| !f.is_empty())
}

/// True when the last finalizer of an object that is being deleted has been taken away.
pub(super) fn is_released(object: &Value) -> bool {
    let grace = object
        .pointer("/metadata/deletionGracePeriodSeconds")
        .and_then(Value::as_i64)
        .unwrap_or(0);
    !text(object, "/metadata/deletionTimestamp").is_empty() && !has_finalizers(object) && grace == 0
}
