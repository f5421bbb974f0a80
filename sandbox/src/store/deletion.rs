//! Deleting: grace periods, finalizers, preconditions, and namespaces that take their contents along.

use serde_json::{Value, json};
use std::sync::Arc;

use super::{Resource, Store, StoreError, meta, metadata, text};

/// What happens to the objects that the deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted afterwards (by the garbage collector).
    Background,
    /// The object stays (finalizer `foregroundDeletion`) until they are gone.
    Foreground,
    /// They are left alone and lose their owner reference (finalizer `orphan`).
    Orphan,
}

/// What must hold for a deletion to happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// `metadata.uid` that it must have; none: any.
    pub uid: Option<String>,
    /// `metadata.resourceVersion` that it must have; none: any.
    pub resource_version: Option<String>,
}

/// How to delete. The default is what `kubectl delete` sends.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Seconds that a pod gets to stop. None: the pod's own wish. 0: the object goes at once.
    pub grace_seconds: Option<i64>,
    /// What must hold.
    pub preconditions: Preconditions,
    /// What happens to owned objects. None: [`Propagation::Background`].
    pub propagation: Option<Propagation>,
    /// Check everything, change nothing.
    pub dry_run: bool,
}

impl DeleteOptions {
    /// The object goes at once: what a kubelet sends when a pod's containers have stopped.
    #[must_use]
    pub fn now() -> Self {
        Self {
            grace_seconds: Some(0),
            ..Self::default()
        }
    }

    /// Only the object that has this uid goes, and none that has its name by now.
    #[must_use]
    pub fn of_uid(uid: Option<String>) -> Self {
        Self {
            preconditions: Preconditions {
                uid,
                resource_version: None,
            },
            ..Self::default()
        }
    }
}

impl Store {
    /// Deletes an object, or marks it (`deletionTimestamp`) when a grace period or a finalizer holds it back.
    /// Returns its last state and whether it is gone.
    ///
    /// # Errors
    /// Not found, or a precondition does not hold.
    pub fn delete(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<(Arc<Value>, bool), StoreError> {
        loop {
            let old = self.get(resource, namespace, name)?;
            check(resource, name, &old, &options.preconditions)?;
            let mut object = Value::clone(&old);
            let stays = mark(resource, &mut object, options);
            if options.dry_run {
                return Ok((Arc::new(object), !stays));
            }
            let done = if stays {
                if metadata::same(&old, &object) {
                    return Ok((old, false));
                }
                self.swap(resource, namespace, name, &old, Some(object))
            } else {
                self.swap(resource, namespace, name, &old, None)
            };
            // None: somebody changed it in between, look again.
            let Some(object) = done else { continue };
            if resource.kind == "Namespace" && resource.group.is_empty() && stays {
                self.empty_namespace(name);
                let gone = self.get(resource, "", name).is_err();
                return Ok((object, gone));
            }
            return Ok((object, !stays));
        }
    }

    /// A namespace takes everything in it along, and goes when nothing is left.
    fn empty_namespace(&self, namespace: &str) {
        for resource in super::all().iter().filter(|r| r.namespaced) {
            for object in self.list(resource, Some(namespace)).items {
                // Not found: it went in between, which is what we want.
                drop(self.delete(
                    resource,
                    namespace,
                    text(&object, "/metadata/name"),
                    &DeleteOptions::default(),
                ));
            }
        }
        self.finish_namespace(namespace);
    }
}

fn check(
    resource: &'static Resource,
    name: &str,
    object: &Value,
    preconditions: &Preconditions,
) -> Result<(), StoreError> {
    let pairs = [
        ("UID", &preconditions.uid, "/metadata/uid"),
        (
            "ResourceVersion",
            &preconditions.resource_version,
            "/metadata/resourceVersion",
        ),
    ];
    for (word, wanted, pointer) in pairs {
        let found = text(object, pointer);
        if let Some(wanted) = wanted.as_ref().filter(|w| *w != found) {
            return Err(StoreError::Conflict {
                resource,
                name: name.to_owned(),
                reason: format!(
                    "Precondition failed: {word} in precondition: {wanted}, {word} in object meta: {found}"
                ),
            });
        }
    }
    Ok(())
}

/// Marks the object as being deleted; true when it must stay for now.
fn mark(resource: &'static Resource, object: &mut Value, options: &DeleteOptions) -> bool {
    let finalizer = match options.propagation {
        Some(Propagation::Foreground) => Some("foregroundDeletion"),
        Some(Propagation::Orphan) => Some("orphan"),
        _ => None,
    };
    let is_pod = resource.kind == "Pod";
    let is_namespace = resource.kind == "Namespace";
    let terminating = !text(object, "/metadata/deletionTimestamp").is_empty();
    let grace = if is_pod {
        pod_grace(object, options.grace_seconds)
    } else {
        0
    };
    if let Some(finalizer) = finalizer
        && !terminating
    {
        let list = meta(object)
            .entry("finalizers")
            .or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut()
            && !list.iter().any(|f| f == finalizer)
        {
            list.push(json!(finalizer));
        }
    }
    let stays = grace > 0 || metadata::has_finalizers(object) || is_namespace;
    let current = object
        .pointer("/metadata/deletionGracePeriodSeconds")
        .and_then(Value::as_i64);
    // A second deletion may shorten the grace period, never lengthen it.
    if !terminating || current.is_some_and(|c| grace < c) {
        let deadline = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(grace);
        let meta = meta(object);
        meta.insert(
            "deletionTimestamp".to_owned(),
            json!(deadline.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        );
        meta.insert("deletionGracePeriodSeconds".to_owned(), json!(grace));
        if let Some(generation) = meta.get("generation").and_then(Value::as_i64) {
            meta.insert("generation".to_owned(), json!(generation + 1));
        }
    }
    if is_namespace && let Some(root) = object.as_object_mut() {
        root.insert("status".to_owned(), json!({"phase": "Terminating"}));
    }
    stays
}

/// As the pod strategy of the API server: only a pod that a kubelet may be running gets a grace period.
fn pod_grace(pod: &Value, asked: Option<i64>) -> i64 {
    let running = !text(pod, "/spec/nodeName").is_empty()
        && !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
    if !running {
        return 0;
    }
    let own = pod
        .pointer("/spec/terminationGracePeriodSeconds")
        .and_then(Value::as_i64)
        .unwrap_or(30);
    // A negative period means one second, as in Kubernetes.
    let grace = asked.unwrap_or(own);
    if grace < 0 { 1 } else { grace }
}
