//! The garbage collector: what belongs to an owner that is gone goes, too.
//!
//! Background: the owner goes first. Foreground: the owner stays until everything that blocks it is
//! gone. Orphan: what belongs to the owner stays and forgets it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::owner::references;
use super::worker::{Controller, Key, gone, gone_or_replaced};
use crate::store::{
    DeleteOptions, Event, EventKind, Propagation, Resource, Store, StoreError, all, by_kind,
    by_plural, text,
};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// The controller. Its keys carry the kind: `plural.group/namespace` and the name.
pub(super) struct Garbage;

fn key(resource: &Resource, object: &Value) -> Key {
    let namespace = text(object, "/metadata/namespace");
    Key::new(
        &format!("{}.{}/{namespace}", resource.plural, resource.group),
        text(object, "/metadata/name"),
    )
}

fn find(key: &Key) -> Option<(&'static Resource, &str)> {
    let (kind, namespace) = key.namespace.split_once('/')?;
    let (plural, group) = kind.split_once('.')?;
    Some((by_plural(group, plural)?, namespace))
}

fn has_finalizer(object: &Value, name: &str) -> bool {
    let finalizers = object
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array);
    finalizers.is_some_and(|list| list.iter().any(|finalizer| finalizer == name))
}

fn is_deleting(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

/// Everything that names this owner.
fn dependents(store: &Store, owner: &Value) -> Vec<(&'static Resource, Arc<Value>)> {
    let uid = text(owner, "/metadata/uid");
    let namespace = text(owner, "/metadata/namespace");
    let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
    let belongs = |object: &Arc<Value>| references(object).iter().any(|o| text(o, "/uid") == uid);
    let mut found = Vec::new();
    for resource in all() {
        // Two API groups may show the same objects: events.
        if resource.group == "events.k8s.io" || (namespace.is_some() && !resource.namespaced) {
            continue;
        }
        let items = store.list(resource, namespace).items;
        found.extend(
            items
                .into_iter()
                .filter(belongs)
                .map(|object| (resource, object)),
        );
    }
    found
}

/// The owner that a reference means, if it still lives: the uid counts.
fn owner_of(
    store: &Store,
    object: &Value,
    reference: &Value,
) -> Option<(&'static Resource, Arc<Value>)> {
    let resource = by_kind(text(reference, "/apiVersion"), text(reference, "/kind"))?;
    let namespace = if resource.namespaced {
        text(object, "/metadata/namespace")
    } else {
        ""
    };
    let owner = store
        .get(resource, namespace, text(reference, "/name"))
        .ok()?;
    (text(&owner, "/metadata/uid") == text(reference, "/uid")).then_some((resource, owner))
}

impl Controller for Garbage {
    fn name(&self) -> &'static str {
        "garbage-collector"
    }

    fn watches(&self) -> Vec<&'static Resource> {
        all()
            .iter()
            .filter(|resource| resource.group != "events.k8s.io")
            .collect()
    }

    fn keys(&mut self, store: &Store, resource: &'static Resource, event: &Event) -> Vec<Key> {
        let mut keys = Vec::new();
        let object = &event.object;
        if event.kind == EventKind::Deleted {
            if resource.kind == "Event" {
                return keys;
            }
            keys.extend(
                dependents(store, object)
                    .iter()
                    .map(|(kind, found)| key(kind, found)),
            );
            // An owner may have waited for this one.
            let owners = references(object)
                .iter()
                .filter_map(|owner| owner_of(store, object, owner));
            keys.extend(owners.map(|(kind, owner)| key(kind, &owner)));
            return keys;
        }
        let before = event.previous.as_deref().map_or(&[][..], references);
        let new_owners = !references(object).is_empty() && references(object) != before;
        let waits = has_finalizer(object, FOREGROUND) || has_finalizer(object, ORPHAN);
        if new_owners || (waits && is_deleting(object)) {
            keys.push(key(resource, object));
        }
        keys
    }

    fn reconcile(&mut self, store: &Store, key: &Key) -> Result<Option<Duration>, StoreError> {
        let Some((resource, namespace)) = find(key) else {
            return Ok(None);
        };
        let Ok(object) = store.get(resource, namespace, &key.name) else {
            return Ok(None);
        };
        if is_deleting(&object) && has_finalizer(&object, ORPHAN) {
            orphan(store, resource, namespace, &object)?;
        } else if is_deleting(&object) && has_finalizer(&object, FOREGROUND) {
            foreground(store, resource, namespace, &object)?;
        } else if !is_deleting(&object) {
            collect(store, resource, namespace, &object)?;
        }
        Ok(None)
    }
}

/// Deletes an object whose owners are all gone, or forgets those that are.
fn collect(
    store: &Store,
    resource: &'static Resource,
    namespace: &str,
    object: &Value,
) -> Result<(), StoreError> {
    let references = references(object);
    if references.is_empty() {
        return Ok(());
    }
    let (alive, gone): (Vec<&Value>, Vec<&Value>) = references.iter().partition(|reference| {
        // A kind that the sandbox does not know cannot be judged.
        by_kind(text(reference, "/apiVersion"), text(reference, "/kind")).is_none()
            || owner_of(store, object, reference).is_some()
    });
    let name = text(object, "/metadata/name");
    if alive.is_empty() {
        return delete(store, resource, namespace, object, Propagation::Background);
    }
    if !gone.is_empty() {
        let gone: Vec<String> = gone.iter().map(|r| text(r, "/uid").to_owned()).collect();
        forget(store, resource, namespace, name, &gone)?;
    }
    Ok(())
}

fn delete(
    store: &Store,
    resource: &'static Resource,
    namespace: &str,
    object: &Value,
    propagation: Propagation,
) -> Result<(), StoreError> {
    let options = DeleteOptions {
        propagation: Some(propagation),
        ..DeleteOptions::of_uid(Some(text(object, "/metadata/uid").to_owned()))
    };
    let name = text(object, "/metadata/name");
    gone_or_replaced(store.delete(resource, namespace, name, &options))
}

/// Takes owner references out of an object.
fn forget(
    store: &Store,
    resource: &'static Resource,
    namespace: &str,
    name: &str,
    uids: &[String],
) -> Result<(), StoreError> {
    let done = store.update(resource, namespace, name, |object| {
        let references = object.pointer_mut("/metadata/ownerReferences");
        if let Some(references) = references.and_then(Value::as_array_mut) {
            references.retain(|reference| !uids.iter().any(|uid| uid == text(reference, "/uid")));
        }
        Ok(())
    });
    gone(done)
}

fn release(
    store: &Store,
    resource: &'static Resource,
    namespace: &str,
    object: &Value,
    finalizer: &str,
) -> Result<(), StoreError> {
    let name = text(object, "/metadata/name");
    let done = store.update(resource, namespace, name, |object| {
        let finalizers = object.pointer_mut("/metadata/finalizers");
        if let Some(finalizers) = finalizers.and_then(Value::as_array_mut) {
            finalizers.retain(|have| have != finalizer);
        }
        Ok(())
    });
    gone(done)
}

fn orphan(
    store: &Store,
    resource: &'static Resource,
    namespace: &str,
    owner: &Value,
) -> Result<(), StoreError> {
    let uid = [text(owner, "/metadata/uid").to_owned()];
    for (kind, object) in dependents(store, owner) {
        let namespace = text(&object, "/metadata/namespace");
        forget(
            store,
            kind,
            namespace,
            text(&object, "/metadata/name"),
            &uid,
        )?;
    }
    release(store, resource, namespace, owner, ORPHAN)
}

fn foreground(
    store: &Store,
    resource: &'static Resource,
    namespace: &str,
    owner: &Value,
) -> Result<(), StoreError> {
    let uid = text(owner, "/metadata/uid");
    let mut blocked = false;
    for (kind, object) in dependents(store, owner) {
        let reference = references(&object).iter().find(|o| text(o, "/uid") == uid);
        let blocks = reference.and_then(|o| o.get("blockOwnerDeletion")?.as_bool());
        blocked |= blocks == Some(true);
        if !is_deleting(&object) {
            let namespace = text(&object, "/metadata/namespace");
            delete(store, kind, namespace, &object, Propagation::Foreground)?;
        }
    }
    if blocked {
        // Each deletion that follows brings us here again.
        return Ok(());
    }
    release(store, resource, namespace, owner, FOREGROUND)
}
