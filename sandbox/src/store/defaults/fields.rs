//! Setting fields that are not there.

use serde_json::{Map, Value};

/// Sets a field that is missing or null.
pub(super) fn put(map: &mut Map<String, Value>, key: &str, value: Value) {
    let field = map.entry(key).or_insert(Value::Null);
    if field.is_null() {
        *field = value;
    }
}

pub(super) fn object<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Map<String, Value>> {
    value.get_mut(key).and_then(Value::as_object_mut)
}

pub(super) fn items<'a>(
    map: &'a mut Map<String, Value>,
    key: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> + use<'a> {
    map.get_mut(key)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}
