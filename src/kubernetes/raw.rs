//! Objects as the API gives them, for who looks for a fault elsewhere.

use futures::future::join_all;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;

use super::{Call, Kube, KubeError, Verb};

/// A kind of object: group, version, kind, plural, and whether those of the cluster carry its label.
type Kind = (&'static str, &'static str, &'static str, &'static str, bool);

/// Never Secrets.
const KINDS: [Kind; 13] = [
    ("", "v1", "Pod", "pods", true),
    ("apps", "v1", "StatefulSet", "statefulsets", true),
    ("", "v1", "Service", "services", true),
    (
        "discovery.k8s.io",
        "v1",
        "EndpointSlice",
        "endpointslices",
        true,
    ),
    (
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        false,
    ),
    (
        "",
        "v1",
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        true,
    ),
    ("", "v1", "ConfigMap", "configmaps", true),
    (
        "policy",
        "v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        false,
    ),
    (
        "networking.k8s.io",
        "v1",
        "NetworkPolicy",
        "networkpolicies",
        false,
    ),
    ("coordination.k8s.io", "v1", "Lease", "leases", false),
    ("batch", "v1", "CronJob", "cronjobs", false),
    ("batch", "v1", "Job", "jobs", false),
    ("", "v1", "Event", "events", false),
];

impl Kube {
    /// The objects of a namespace by kind, in the plural: those that the selector fits, where they carry
    /// labels. Secrets are not among them.
    pub async fn raw_objects(
        &self,
        namespace: &str,
        selector: &str,
    ) -> Vec<(&'static str, Result<Vec<Value>, KubeError>)> {
        join_all(KINDS.map(async |(group, version, kind, plural, labelled)| {
            let resource = ApiResource::from_gvk_with_plural(
                &GroupVersionKind::gvk(group, version, kind),
                plural,
            );
            let api: Api<DynamicObject> = Api::namespaced_with(self.client(), namespace, &resource);
            let call = Call::new(Verb::List, group, plural).within(namespace);
            let selector = if labelled { selector } else { "" };
            let listed = self.list(&api, &call, selector).await;
            let values = listed.map(|objects| {
                let values = objects
                    .iter()
                    .map(|it| serde_json::to_value(it).unwrap_or_default());
                values.collect()
            });
            (plural, values)
        }))
        .await
    }
}
