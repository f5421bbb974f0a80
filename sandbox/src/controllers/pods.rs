//! What several controllers ask of a pod.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodCondition, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::events::{EventType, Recorder};
use super::owner::reference;
use crate::store::{DeleteOptions, Store, StoreError, of};

/// The pod's phase, empty when it has none.
pub(super) fn phase(pod: &Pod) -> &str {
    let status = pod.status.as_ref();
    status.and_then(|s| s.phase.as_deref()).unwrap_or("")
}

/// Whether the pod is being deleted.
pub(super) fn terminating(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// Whether all of its containers have ended for good.
pub(super) fn ended(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// The condition of a pod with this type, if it is true.
pub(super) fn true_condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    pod.status
        .as_ref()?
        .conditions
        .as_deref()?
        .iter()
        .find(|c| c.type_ == kind && c.status == "True")
}

/// Whether the pod is ready.
pub(super) fn ready(pod: &Pod) -> bool {
    true_condition(pod, "Ready").is_some()
}

/// How long until a ready pod counts as available; None when it is not ready.
pub(super) fn until_available(pod: &Pod, min_ready: i32, now: Timestamp) -> Option<Duration> {
    let condition = true_condition(pod, "Ready")?;
    if min_ready <= 0 {
        return Some(Duration::ZERO);
    }
    let since = condition.last_transition_time.as_ref();
    let needed = jiff::SignedDuration::from_secs(i64::from(min_ready));
    let ready_for = since.map_or(needed, |since| now.duration_since(since.0));
    Some(Duration::try_from(needed - ready_for).unwrap_or_default())
}

/// Deletes one pod, and says so about its owner.
pub(super) fn delete(
    store: &Store,
    events: &Recorder,
    about: &serde_json::Value,
    pod: &Pod,
) -> Result<(), StoreError> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or("");
    let name = pod.metadata.name.as_deref().unwrap_or("");
    let options = DeleteOptions::of_uid(pod.metadata.uid.clone());
    match store.delete(of::<Pod>(), namespace, name, &options) {
        Err(error) if error.is_not_found() || error.is_conflict() => Ok(()),
        Err(error) => {
            let message = format!("Error deleting: {error}");
            events.event(about, EventType::Warning, "FailedDelete", &message);
            Err(error)
        }
        Ok(_) => {
            let message = format!("Deleted pod: {name}");
            events.event(about, EventType::Normal, "SuccessfulDelete", &message);
            Ok(())
        }
    }
}

/// A new pod of an owner, from its template.
pub(super) fn build<O: k8s_openapi::Resource>(
    owner: &ObjectMeta,
    template: PodTemplateSpec,
) -> Pod {
    let meta = template.metadata.unwrap_or_default();
    let name = owner.name.as_deref().unwrap_or("");
    Pod {
        metadata: ObjectMeta {
            generate_name: Some(format!("{name}-")),
            namespace: owner.namespace.clone(),
            labels: meta.labels,
            annotations: meta.annotations,
            finalizers: meta.finalizers,
            owner_references: Some(vec![reference::<O>(owner)]),
            ..ObjectMeta::default()
        },
        spec: template.spec,
        status: None,
    }
}

/// Makes one pod, and says so about its owner.
pub(super) fn create(
    store: &Store,
    events: &Recorder,
    about: &serde_json::Value,
    pod: &Pod,
) -> Result<(), StoreError> {
    match store.add(pod) {
        Err(error) => {
            let message = format!("Error creating: {error}");
            events.event(about, EventType::Warning, "FailedCreate", &message);
            Err(error)
        }
        Ok(made) => {
            let name = made.metadata.name.unwrap_or_default();
            let message = format!("Created pod: {name}");
            events.event(about, EventType::Normal, "SuccessfulCreate", &message);
            Ok(())
        }
    }
}
