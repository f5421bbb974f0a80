//! Objects as the API gives them, for who looks for a fault elsewhere.

use futures::future::join_all;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;

use super::{Call, Kube, KubeError, Verb};
use crate::cluster::{ClusterId, names};

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

/// Kinds of which pgctl makes some itself, and what a list of those is called.
const OWN: [(&str, &str); 3] = [
    ("pods", "own-pods"),
    ("persistentvolumeclaims", "own-persistentvolumeclaims"),
    ("configmaps", "own-configmaps"),
];

impl Kube {
    /// The objects of a namespace by kind, in the plural: those that the selector fits, where they carry
    /// labels. Secrets are not among them.
    pub async fn raw_objects(
        &self,
        namespace: &str,
        selector: &str,
    ) -> Vec<(&'static str, Result<Vec<Value>, KubeError>)> {
        join_all(KINDS.map(async |kind| {
            let selector = if kind.4 { selector } else { "" };
            (kind.3, self.raw(namespace, kind, selector).await)
        }))
        .await
    }

    /// The objects that pgctl has made for itself and beside the cluster, by the names of their files: journals, and the
    /// pods and claims of throw-away servers. The labels of the cluster lead to none of them.
    pub async fn raw_own_objects(
        &self,
        cluster: &ClusterId,
    ) -> Vec<(&'static str, Result<Vec<Value>, KubeError>)> {
        let selector = format!("{}={}", names::CLUSTER, cluster.name);
        let selector = selector.as_str();
        let kinds = KINDS.into_iter();
        let wanted = kinds.filter_map(|kind| {
            let file = OWN.iter().find(|(plural, _)| *plural == kind.3)?.1;
            Some((file, kind))
        });
        join_all(
            wanted.map(async |(file, kind)| {
                (file, self.raw(&cluster.namespace, kind, selector).await)
            }),
        )
        .await
    }

    async fn raw(
        &self,
        namespace: &str,
        (group, version, kind, plural, _): Kind,
        selector: &str,
    ) -> Result<Vec<Value>, KubeError> {
        let resource =
            ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
        let api: Api<DynamicObject> = Api::namespaced_with(self.client(), namespace, &resource);
        let call = Call::new(Verb::List, group, plural).within(namespace);
        let listed = self.list(&api, &call, selector).await?;
        let values = listed.iter();
        let values = values.map(|it| serde_json::to_value(it).unwrap_or_default());
        Ok(values.collect())
    }
}
