//! `metadata.managedFields`: who owns which field, for server-side apply.

use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

use super::call::Call;
use super::patch::{ListKeys, Shape, list_item, shape_of};
use crate::store::{Resource, meta, now, text};

/// Paths of `fieldsV1` elements (`f:spec`, `k:{"name":"x"}`, `v:"x"`, `.`).
pub(super) type Fields = BTreeSet<Vec<String>>;

/// One entry of `managedFields`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) manager: String,
    pub(super) operation: String,
    pub(super) subresource: String,
    pub(super) time: String,
    pub(super) fields: Fields,
}

/// The name under which a client's fields are recorded: `fieldManager`, else the first word of its user agent.
pub(super) fn manager(call: &Call) -> String {
    let agent = || {
        call.headers
            .get("user-agent")
            .and_then(|v| v.to_str().ok())
            .unwrap_or("unknown")
    };
    let own = call
        .query
        .get("fieldManager")
        .unwrap_or_else(|| agent().split('/').next().unwrap_or("unknown"));
    own.chars().filter(|c| !c.is_control()).take(128).collect()
}

/// Every field that an object sets, without the ones that the server owns.
pub(super) fn fields_of(kind: &str, object: &Value) -> Fields {
    let mut all = Fields::new();
    collect(kind, &mut Vec::new(), &mut Vec::new(), object, &mut all);
    all.retain(|path| !is_servers(path));
    all
}

fn is_servers(path: &[String]) -> bool {
    match path {
        [root] => matches!(root.as_str(), "f:apiVersion" | "f:kind" | "f:metadata"),
        [root, field, ..] if root == "f:metadata" => !matches!(
            field.as_str(),
            "f:labels" | "f:annotations" | "f:finalizers" | "f:ownerReferences" | "f:generateName"
        ),
        [root, ..] => matches!(root.as_str(), "f:apiVersion" | "f:kind"),
        [] => true,
    }
}

fn collect(
    kind: &str,
    path: &mut Vec<String>,
    at: &mut Vec<String>,
    value: &Value,
    all: &mut Fields,
) {
    match (shape_of(kind, path, value.is_array()), value) {
        (Shape::Granular, Value::Object(map)) if !map.is_empty() => {
            collect_map(kind, path, at, map, all)
        }
        (Shape::Map(keys), Value::Array(list)) if !list.is_empty() => {
            collect_list(kind, path, at, keys, list, all)
        }
        (Shape::Set, Value::Array(list)) if !list.is_empty() => {
            for item in list {
                all.insert([at.as_slice(), &[format!("v:{item}")]].concat());
            }
        }
        _ if at.is_empty() => {}
        _ => drop(all.insert(at.clone())),
    }
}

fn collect_map(
    kind: &str,
    path: &mut Vec<String>,
    at: &mut Vec<String>,
    map: &Map<String, Value>,
    all: &mut Fields,
) {
    for (key, value) in map {
        path.push(key.clone());
        at.push(format!("f:{key}"));
        collect(kind, path, at, value, all);
        at.pop();
        path.pop();
    }
}

fn collect_list(
    kind: &str,
    path: &mut Vec<String>,
    at: &mut Vec<String>,
    keys: ListKeys,
    list: &[Value],
    all: &mut Fields,
) {
    for item in list {
        at.push(list_item(keys, item));
        all.insert([at.as_slice(), &[".".to_owned()]].concat());
        if let Value::Object(map) = item {
            collect_map(kind, path, at, map, all);
        }
        at.pop();
    }
}

/// The value at a path of `fieldsV1` elements.
pub(super) fn value_at<'a>(kind: &str, object: &'a Value, fields: &[String]) -> Option<&'a Value> {
    let mut path = Vec::new();
    fields.iter().try_fold(object, |value, element| {
        if element == "." {
            return Some(value);
        }
        if let Some(field) = element.strip_prefix("f:") {
            path.push(field.to_owned());
            return value.get(field);
        }
        let list = value.as_array()?;
        if let Some(literal) = element.strip_prefix("v:") {
            let literal: Value = serde_json::from_str(literal).ok()?;
            return list.iter().find(|item| **item == literal);
        }
        let Shape::Map(keys) = shape_of(kind, &path, true) else {
            return None;
        };
        list.iter().find(|i| list_item(keys, i) == *element)
    })
}

/// The recorded owners of an object.
pub(super) fn owners(object: &Value) -> Vec<Owner> {
    let list = object
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array);
    let read = |entry: &Value| {
        let mut fields = Fields::new();
        if let Some(tree) = entry.get("fieldsV1").and_then(Value::as_object) {
            flatten(tree, &mut Vec::new(), &mut fields);
        }
        Owner {
            manager: text(entry, "/manager").to_owned(),
            operation: text(entry, "/operation").to_owned(),
            subresource: text(entry, "/subresource").to_owned(),
            time: text(entry, "/time").to_owned(),
            fields,
        }
    };
    list.into_iter().flatten().map(read).collect()
}

fn flatten(tree: &Map<String, Value>, at: &mut Vec<String>, fields: &mut Fields) {
    for (key, value) in tree {
        at.push(key.clone());
        match value.as_object() {
            Some(inner) if !inner.is_empty() => flatten(inner, at, fields),
            _ => drop(fields.insert(at.clone())),
        }
        at.pop();
    }
}

/// Writes the owners; those without fields are left out.
pub(super) fn record(resource: &Resource, object: &mut Value, owners: &[Owner]) {
    let entries: Vec<Value> = owners
        .iter()
        .filter(|o| !o.fields.is_empty())
        .map(|owner| {
            let mut tree = json!({});
            for path in &owner.fields {
                let mut at = &mut tree;
                for element in path {
                    at = &mut at[element.as_str()];
                }
                if at.is_null() {
                    *at = json!({});
                }
            }
            let mut entry = json!({
                "manager": owner.manager, "operation": owner.operation, "apiVersion": resource.api_version(), "time": owner.time,
                "fieldsType": "FieldsV1", "fieldsV1": tree,
            });
            if !owner.subresource.is_empty() {
                entry["subresource"] = json!(owner.subresource);
            }
            entry
        })
        .collect();
    if entries.is_empty() {
        meta(object).remove("managedFields");
    } else {
        meta(object).insert("managedFields".to_owned(), Value::Array(entries));
    }
}

/// Records the owner of a new object.
pub(super) fn created(resource: &Resource, object: &mut Value, call: &Call, operation: &str) {
    let fields = fields_of(resource.kind, object);
    let owner = Owner {
        manager: manager(call),
        operation: operation.to_owned(),
        subresource: String::new(),
        time: now(),
        fields,
    };
    record(resource, object, &[owner]);
}

/// After a change that was no apply: what changed belongs to this client, what is gone to nobody.
pub(super) fn updated(resource: &Resource, old: &Value, new: &mut Value, call: &Call) {
    // An emptied list of owners in the request means: forget them.
    let cleared = new
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array)
        .is_some_and(|l| l.iter().all(|e| e == &json!({})));
    if cleared && new.pointer("/metadata/managedFields") != old.pointer("/metadata/managedFields") {
        return record(resource, new, &[]);
    }
    let kind = resource.kind;
    let fields = fields_of(kind, new);
    let changed: Fields = fields
        .iter()
        .filter(|p| value_at(kind, old, p) != value_at(kind, new, p))
        .cloned()
        .collect();
    let mut all = owners(old);
    let (name, sub) = (manager(call), call.target.subresource.clone());
    for owner in &mut all {
        let own = owner.manager == name && owner.operation == "Update" && owner.subresource == sub;
        owner
            .fields
            .retain(|p| value_at(kind, new, p).is_some() && (own || !changed.contains(p)));
    }
    if !changed.is_empty() {
        match all
            .iter_mut()
            .find(|o| o.manager == name && o.operation == "Update" && o.subresource == sub)
        {
            Some(owner) => {
                owner.fields.extend(changed);
                owner.time = now();
            }
            None => all.push(Owner {
                manager: name,
                operation: "Update".to_owned(),
                subresource: sub,
                time: now(),
                fields: changed,
            }),
        }
    }
    record(resource, new, &all);
}
