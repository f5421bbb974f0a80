//! Kubernetes Events: what was done, for whoever reads `kubectl get events` later.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::Api;
use kube::api::PostParams;

use super::{Call, Kube, KubeError, Verb};

/// What an Event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regarding {
    /// `v1`, `apps/v1`.
    pub api_version: &'static str,
    /// `Pod`, `StatefulSet`.
    pub kind: &'static str,
    /// `metadata.name` of the object that it is about.
    pub name: String,
    /// Its UID, when it is known: `kubectl describe` looks for it.
    pub uid: Option<String>,
}

impl Kube {
    /// Records an Event.
    ///
    /// # Errors
    /// When the API refuses: the operation goes on without.
    pub async fn record_event(
        &self,
        namespace: &str,
        regarding: &Regarding,
        reason: &str,
        message: &str,
        warning: bool,
    ) -> Result<(), KubeError> {
        let api: Api<Event> = Api::namespaced(self.client(), namespace);
        let call = Call::new(Verb::Create, "", "events").within(namespace);
        let now = Time(Timestamp::now());
        let event = Event {
            metadata: ObjectMeta {
                generate_name: Some(format!("{}.", regarding.name)),
                namespace: Some(namespace.to_owned()),
                ..ObjectMeta::default()
            },
            involved_object: ObjectReference {
                api_version: Some(regarding.api_version.to_owned()),
                kind: Some(regarding.kind.to_owned()),
                name: Some(regarding.name.clone()),
                namespace: Some(namespace.to_owned()),
                uid: regarding.uid.clone(),
                ..ObjectReference::default()
            },
            reason: Some(reason.to_owned()),
            // The API takes at most 1024 bytes (validation of core/v1 Event).
            message: Some(shortened(message, 1024)),
            type_: Some(if warning { "Warning" } else { "Normal" }.to_owned()),
            source: Some(EventSource {
                component: Some("pgctl".to_owned()),
                host: None,
            }),
            reporting_component: Some("pgctl".to_owned()),
            first_timestamp: Some(now.clone()),
            last_timestamp: Some(now),
            count: Some(1),
            ..Event::default()
        };
        let params = PostParams::default();
        self.write(&call, || api.create(&params, &event))
            .await
            .map(drop)
    }
}

fn shortened(text: &str, bytes: usize) -> String {
    crate::cluster::words::shortened(text, bytes).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        assert_eq!(shortened("äöü", 3), "ä");
        assert_eq!(shortened("abc", 1024), "abc");
    }
}
