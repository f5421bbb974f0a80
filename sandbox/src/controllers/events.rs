//! Events, as `kubectl describe` and `kubectl get events` show them.

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde_json::Value;

use crate::store::{Store, text};

/// How weighty an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// Things go as they should.
    Normal,
    /// Something went wrong.
    Warning,
}

/// Writes the events of one component.
#[derive(Clone)]
pub struct Recorder {
    store: Store,
    component: &'static str,
}

/// The reference to an object with which other objects name it.
pub(super) fn reference(object: &Value) -> ObjectReference {
    let field = |pointer| Some(text(object, pointer).to_owned()).filter(|v| !v.is_empty());
    ObjectReference {
        api_version: field("/apiVersion"),
        kind: field("/kind"),
        namespace: field("/metadata/namespace"),
        name: field("/metadata/name"),
        uid: field("/metadata/uid"),
        resource_version: field("/metadata/resourceVersion"),
        field_path: None,
    }
}

impl Recorder {
    /// A recorder whose events come from this component, such as `statefulset-controller`.
    pub fn new(store: &Store, component: &'static str) -> Self {
        Self {
            store: store.clone(),
            component,
        }
    }

    /// Tells what happened to an object. An event that repeats an earlier one counts it up, as
    /// client-go's recorder does. Losing an event must not stop anybody: errors are dropped.
    pub fn event(&self, about: &Value, kind: EventType, reason: &str, message: &str) {
        let involved = reference(about);
        let namespace = involved
            .namespace
            .clone()
            .unwrap_or_else(|| "default".to_owned());
        let now = Time(jiff::Timestamp::now());
        // Equal events get equal names, so that the store itself finds the earlier one.
        let uid = involved.uid.clone().unwrap_or_default();
        let kind = match kind {
            EventType::Normal => "Normal",
            EventType::Warning => "Warning",
        };
        let hash = fnv1a(&[self.component, kind, reason, message, &uid]);
        let name = format!("{}.{hash:016x}", text(about, "/metadata/name"));
        let counted = self.store.modify::<Event>(&namespace, &name, |event| {
            event.count = Some(event.count.unwrap_or(1) + 1);
            event.last_timestamp = Some(now.clone());
        });
        if !matches!(&counted, Err(error) if error.is_not_found()) {
            return;
        }
        let event = Event {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: Some(namespace),
                ..ObjectMeta::default()
            },
            involved_object: involved,
            type_: Some(kind.to_owned()),
            reason: Some(reason.to_owned()),
            message: Some(message.to_owned()),
            count: Some(1),
            first_timestamp: Some(now.clone()),
            last_timestamp: Some(now),
            source: Some(EventSource {
                component: Some(self.component.to_owned()),
                host: None,
            }),
            reporting_component: Some(self.component.to_owned()),
            ..Event::default()
        };
        drop(self.store.add(&event));
    }
}

/// FNV-1a, 64 bits.
fn fnv1a(parts: &[&str]) -> u64 {
    let bytes = parts
        .iter()
        .flat_map(|p| p.bytes().chain(std::iter::once(0)));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
