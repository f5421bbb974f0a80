//! Server-side apply: merging an applied configuration and taking away what it no longer has.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

use super::schema::{Shape, shape_of};

/// Names of the fields that tell the items of a list apart.
pub(in crate::api) type ListKeys = &'static [&'static str];

/// How `fieldsV1` writes a list item that is found by its keys: `k:{"name":"x"}`.
pub(in crate::api) fn list_item(keys: ListKeys, item: &Value) -> String {
    let own: Map<String, Value> = keys
        .iter()
        .filter_map(|k| Some(((*k).to_owned(), key_value(k, item)?)))
        .collect();
    format!("k:{}", Value::Object(own))
}

/// The value of a key field; `protocol` has a default that counts as its value.
fn key_value(key: &str, item: &Value) -> Option<Value> {
    item.get(key)
        .cloned()
        .or_else(|| (key == "protocol").then(|| Value::from("TCP")))
}

/// The live object with the applied fields merged over it.
pub(super) fn merge(
    kind: &str,
    path: &mut Vec<String>,
    live: Option<Value>,
    applied: &Value,
) -> Value {
    let shape = shape_of(kind, path, applied.is_array());
    match (shape, live, applied) {
        (Shape::Granular, Some(Value::Object(mut live)), Value::Object(applied)) => {
            for (key, value) in applied {
                path.push(key.clone());
                let merged = merge(kind, path, live.remove(key), value);
                path.pop();
                live.insert(key.clone(), merged);
            }
            Value::Object(live)
        }
        (Shape::Map(keys), Some(Value::Array(mut live)), Value::Array(applied)) => {
            for item in applied {
                let name = list_item(keys, item);
                match live.iter_mut().find(|l| list_item(keys, l) == name) {
                    Some(found) => *found = merge_item(kind, path, found.take(), item),
                    None => live.push(item.clone()),
                }
            }
            Value::Array(live)
        }
        (Shape::Set, Some(Value::Array(mut live)), Value::Array(applied)) => {
            for item in applied {
                if !live.contains(item) {
                    live.push(item.clone());
                }
            }
            Value::Array(live)
        }
        (_, _, applied) => applied.clone(),
    }
}

/// An item of a list has the path of its list.
fn merge_item(kind: &str, path: &mut Vec<String>, live: Value, applied: &Value) -> Value {
    match (live, applied) {
        (Value::Object(mut live), Value::Object(applied)) => {
            for (key, value) in applied {
                path.push(key.clone());
                let merged = merge(kind, path, live.remove(key), value);
                path.pop();
                live.insert(key.clone(), merged);
            }
            Value::Object(live)
        }
        (_, applied) => applied.clone(),
    }
}

/// Takes fields (paths of `fieldsV1` elements) out of an object.
pub(super) fn remove(kind: &str, object: &mut Value, gone: &BTreeSet<Vec<String>>) {
    // Longest first: an item goes after its fields.
    for path in gone.iter().rev() {
        remove_path(kind, &mut Vec::new(), object, path);
    }
}

fn remove_path(kind: &str, at: &mut Vec<String>, value: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if let Some(field) = first.strip_prefix("f:") {
        let Some(map) = value.as_object_mut() else {
            return;
        };
        if rest.is_empty() {
            map.remove(field);
        } else if let Some(inner) = map.get_mut(field) {
            at.push(field.to_owned());
            remove_path(kind, at, inner, rest);
            at.pop();
        }
        return;
    }
    let Some(list) = value.as_array_mut() else {
        return;
    };
    if let Some(literal) = first.strip_prefix("v:") {
        if let Ok(literal) = serde_json::from_str::<Value>(literal) {
            list.retain(|item| *item != literal);
        }
    } else if let Shape::Map(keys) = shape_of(kind, at, true) {
        if rest.is_empty() || rest == ["."] {
            list.retain(|item| list_item(keys, item) != *first);
        } else if let Some(item) = list.iter_mut().find(|i| list_item(keys, i) == *first) {
            remove_path(kind, at, item, rest);
        }
    }
}
