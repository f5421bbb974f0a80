//! Owner references.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde_json::Value;

use super::worker::Key;
use crate::store::{Event, Resource, Store, text};

/// The reference that makes an object the controller of another.
pub(super) fn reference<T: k8s_openapi::Resource>(owner: &ObjectMeta) -> OwnerReference {
    OwnerReference {
        api_version: T::API_VERSION.to_owned(),
        kind: T::KIND.to_owned(),
        name: owner.name.clone().unwrap_or_default(),
        uid: owner.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// The reference to the controller of an object, if it has one.
pub(super) fn controller(object: &ObjectMeta) -> Option<&OwnerReference> {
    object
        .owner_references
        .iter()
        .flatten()
        .find(|reference| reference.controller == Some(true))
}

/// Whether `owner` is the controller of `object`: by uid, so that a namesake is not.
pub(super) fn controls(owner: &ObjectMeta, object: &ObjectMeta) -> bool {
    controller(object).is_some_and(|reference| Some(&reference.uid) == owner.uid.as_ref())
}

/// The references to the owners of an object.
pub(super) fn references(object: &Value) -> &[Value] {
    let owners = object.pointer("/metadata/ownerReferences");
    owners.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The keys of the owners of this kind that the changed object has, or had before the change.
pub(super) fn named(kind: &str, event: &Event) -> Vec<Key> {
    let mut keys = of_kind(kind, &event.object);
    keys.extend(event.previous.iter().flat_map(|old| of_kind(kind, old)));
    keys
}

/// As [`named`]; an orphan may fit any of this kind in its namespace.
pub(super) fn named_or_any(store: &Store, owner: &'static Resource, event: &Event) -> Vec<Key> {
    let keys = named(owner.kind, event);
    if keys.is_empty() && is_orphan(&event.object) {
        return Key::all(store, owner, text(&event.object, "/metadata/namespace"));
    }
    keys
}

/// The keys of an object's owners of this kind.
pub(super) fn of_kind(kind: &str, object: &Value) -> Vec<Key> {
    let namespace = text(object, "/metadata/namespace");
    references(object)
        .iter()
        .filter(|owner| text(owner, "/kind") == kind)
        .map(|owner| Key::new(namespace, text(owner, "/name")))
        .collect()
}

/// Whether nobody controls the object.
fn is_orphan(object: &Value) -> bool {
    let mut owners = references(object).iter();
    owners.all(|owner| owner.get("controller") != Some(&Value::Bool(true)))
}
