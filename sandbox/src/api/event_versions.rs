//! Two API groups show the same events: `events.k8s.io/v1` is a view of the core objects.

use serde_json::{Map, Value, json};
use std::borrow::Cow;

use crate::store::{Resource, by_plural};

/// (name in events.k8s.io/v1, name in v1), as in Kubernetes' conversion functions.
const FIELDS: &[(&str, &str)] = &[
    ("note", "message"),
    ("regarding", "involvedObject"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
    ("reportingInstance", "reportingInstance"),
];

fn is_view(resource: &Resource) -> bool {
    resource.group == "events.k8s.io"
}

/// The kind under which objects are stored.
pub(super) fn stored(resource: &'static Resource) -> &'static Resource {
    if is_view(resource) {
        by_plural("", "events").unwrap_or(resource)
    } else {
        resource
    }
}

/// A stored object as this kind shows it.
pub(super) fn outward<'a>(resource: &Resource, object: &'a Value) -> Cow<'a, Value> {
    if !is_view(resource) {
        return Cow::Borrowed(object);
    }
    let rename = |name: &str| {
        FIELDS
            .iter()
            .find(|(_, core)| *core == name)
            .map(|(view, _)| *view)
    };
    Cow::Owned(renamed(resource, object, rename))
}

/// An object of this kind as it is stored.
pub(super) fn inward(resource: &'static Resource, object: Value) -> Value {
    if !is_view(resource) {
        return object;
    }
    let rename = |name: &str| {
        FIELDS
            .iter()
            .find(|(view, _)| *view == name)
            .map(|(_, core)| *core)
    };
    renamed(stored(resource), &object, rename)
}

fn renamed(
    resource: &Resource,
    object: &Value,
    rename: impl Fn(&str) -> Option<&'static str>,
) -> Value {
    let fields = object.as_object().into_iter().flatten();
    let mut map: Map<String, Value> = fields
        .map(|(k, v)| {
            (
                rename(k).map_or_else(|| k.clone(), ToOwned::to_owned),
                v.clone(),
            )
        })
        .collect();
    map.insert("apiVersion".to_owned(), json!(resource.api_version()));
    map.insert("kind".to_owned(), json!(resource.kind));
    Value::Object(map)
}
