//! Strategic merge patch, after apimachinery's `strategicpatch.StrategicMergePatch`
//! (`MergeParallelList` and `IgnoreUnmatchedNulls`, as the API server sets them).

use serde_json::{Map, Value};

use super::schema::strategy;

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const REMOVE: &str = "$deleteFromPrimitiveList/";

/// The object with the patch merged into it.
pub(super) fn merge(kind: &str, original: &Value, patch: &Value) -> Result<Value, String> {
    let (Value::Object(original), Value::Object(patch)) = (original, patch) else {
        return Err("expected a JSON object as patch".to_owned());
    };
    merge_map(kind, &mut Vec::new(), original.clone(), patch.clone()).map(Value::Object)
}

fn merge_map(
    kind: &str,
    path: &mut Vec<String>,
    mut original: Map<String, Value>,
    mut patch: Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    if let Some(directive) = patch.remove(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => Ok(patch),
            Some("delete") => Ok(Map::new()),
            _ => Err(format!("unknown patch type: {directive}")),
        };
    }
    retain_keys(&mut original, &mut patch)?;
    let orders = take_prefixed(&mut patch, ORDER)?;
    for (key, values) in take_prefixed(&mut patch, REMOVE)? {
        if let Some(Value::Array(list)) = original.get_mut(&key) {
            list.retain(|v| !values.contains(v));
        }
    }
    for (key, value) in patch {
        if value.is_null() {
            original.remove(&key);
            continue;
        }
        path.push(key.clone());
        let merged = merge_value(
            kind,
            path,
            original.remove(&key),
            value,
            orders.iter().find(|(k, _)| *k == key),
        );
        path.pop();
        if let Some(merged) = merged? {
            original.insert(key, merged);
        }
    }
    for (key, order) in &orders {
        path.push(key.clone());
        let rule = strategy(kind, path);
        path.pop();
        if let Some(Value::Array(list)) = original.get_mut(key) {
            sort_by_order(list, order, rule.key);
        }
    }
    Ok(original)
}

fn merge_value(
    kind: &str,
    path: &mut Vec<String>,
    original: Option<Value>,
    patch: Value,
    order: Option<&(String, Vec<Value>)>,
) -> Result<Option<Value>, String> {
    let rule = strategy(kind, path);
    match (original, patch) {
        (Some(Value::Object(_)), Value::Object(patch)) if rule.replace => {
            Ok(Some(Value::Object(patch)))
        }
        (Some(Value::Object(original)), Value::Object(patch)) => {
            merge_map(kind, path, original, patch).map(|m| Some(Value::Object(m)))
        }
        (Some(Value::Array(original)), Value::Array(patch)) if rule.merge => {
            merge_list(kind, path, original, patch, rule.key, order).map(|l| Some(Value::Array(l)))
        }
        (_, patch) => Ok(without_directives(patch)),
    }
}

fn merge_list(
    kind: &str,
    path: &mut Vec<String>,
    mut original: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
    order: Option<&(String, Vec<Value>)>,
) -> Result<Vec<Value>, String> {
    if key.is_empty() {
        for value in patch {
            if !original.contains(&value) {
                original.push(value);
            }
        }
        return Ok(original);
    }
    let before: Vec<Value> = original
        .iter()
        .filter_map(|o| o.get(key).cloned())
        .collect();
    let mut wanted = Vec::new();
    let mut replace = false;
    for item in patch {
        let Value::Object(item) = item else {
            return Err(format!(
                "{}: every element must be an object",
                path.join(".")
            ));
        };
        match item.get(DIRECTIVE).map(|d| d.as_str().unwrap_or_default()) {
            None => wanted.push(item),
            Some("delete") => {
                let value = item.get(key).ok_or_else(|| no_key(&item, key))?;
                original.retain(|o| o.get(key) != Some(value));
            }
            Some("replace") => replace = true,
            Some("merge") => {
                return Err("merging lists cannot yet be specified in the patch".to_owned());
            }
            Some(other) => return Err(format!("unknown patch type: {other}")),
        }
    }
    if replace {
        return Ok(wanted.into_iter().map(Value::Object).collect());
    }
    let mut patched = Vec::new();
    for item in wanted {
        let value = item.get(key).cloned().ok_or_else(|| no_key(&item, key))?;
        patched.push(value.clone());
        match original.iter_mut().find(|o| o.get(key) == Some(&value)) {
            Some(Value::Object(found)) => {
                let merged = merge_map(kind, path, std::mem::take(found), item)?;
                *found = merged;
            }
            _ => original.extend(without_directives(Value::Object(item))),
        }
    }
    if order.is_none() {
        // Without an explicit order the server keeps what was there in its place and appends what is new.
        original.sort_by_key(|o| {
            let value = o.get(key);
            let old = before.iter().position(|b| Some(b) == value);
            old.unwrap_or_else(|| {
                before.len() + patched.iter().position(|p| Some(p) == value).unwrap_or(0)
            })
        });
    }
    Ok(original)
}

fn no_key(item: &Map<String, Value>, key: &str) -> String {
    format!(
        "map: {} does not contain declared merge key: {key}",
        Value::Object(item.clone())
    )
}

/// `$retainKeys`: every other key of the original goes.
fn retain_keys(
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
) -> Result<(), String> {
    let Some(keep) = patch.remove(RETAIN) else {
        return Ok(());
    };
    let Value::Array(keep) = keep else {
        return Err("invalid patch format of retainKeys".to_owned());
    };
    let keep: Vec<&str> = keep.iter().filter_map(Value::as_str).collect();
    if let Some(key) = patch
        .keys()
        .find(|k| !k.starts_with('$') && !keep.contains(&k.as_str()))
    {
        return Err(format!("{key} in patch is not in the retainKeys list"));
    }
    original.retain(|k, _| keep.contains(&k.as_str()));
    Ok(())
}

/// Takes the lists whose name starts with a directive out of a patch.
fn take_prefixed(
    patch: &mut Map<String, Value>,
    prefix: &str,
) -> Result<Vec<(String, Vec<Value>)>, String> {
    let keys: Vec<String> = patch
        .keys()
        .filter(|k| k.starts_with(prefix))
        .cloned()
        .collect();
    let mut lists = Vec::new();
    for key in keys {
        let Some(Value::Array(list)) = patch.remove(&key) else {
            return Err(format!("invalid patch format of {key}: expected a list"));
        };
        lists.push((key.get(prefix.len()..).unwrap_or_default().to_owned(), list));
    }
    Ok(lists)
}

/// `$setElementOrder`: items that the patch names come in its order; the others (the server's own) keep their place
/// relative to the item before them.
fn sort_by_order(list: &mut Vec<Value>, order: &[Value], key: &str) {
    let position = |item: &Value| {
        order.iter().position(|o| {
            if key.is_empty() {
                o == item
            } else {
                o.get(key).is_some() && o.get(key) == item.get(key)
            }
        })
    };
    let mut named: Vec<Value> = Vec::new();
    let mut others: Vec<(Option<Value>, Value)> = Vec::new();
    let mut last = None;
    for item in list.drain(..) {
        if position(&item).is_some() {
            last = Some(item.clone());
            named.push(item);
        } else {
            others.push((last.clone(), item));
        }
    }
    named.sort_by_key(|item| position(item).unwrap_or(usize::MAX));
    for (before, item) in others.into_iter().rev() {
        let at = before
            .and_then(|b| named.iter().position(|n| *n == b))
            .map_or(0, |i| i + 1);
        named.insert(at, item);
    }
    *list = named;
}

/// A value that has nothing to be merged with: its directives and nulls mean nothing. None: it was only a directive.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) => {
            if map.get(DIRECTIVE).is_some_and(|d| d == "delete") {
                return None;
            }
            let fields = map
                .into_iter()
                .filter(|(k, v)| !k.starts_with('$') && !v.is_null());
            Some(Value::Object(
                fields
                    .filter_map(|(k, v)| Some((k, without_directives(v)?)))
                    .collect(),
            ))
        }
        Value::Array(list) => Some(Value::Array(
            list.into_iter().filter_map(without_directives).collect(),
        )),
        other => Some(other),
    }
}
