//! Objects as the API gives them, for who looks for a fault elsewhere.

use futures::future::join_all;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;

use super::{Call, CredentialsSource, Kube, KubeError, Verb};

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

    /// All values of all Secrets that may be read, except names of users: to see that they are nowhere.
    ///
    /// # Errors
    /// When not even the cluster's own can be read.
    pub async fn secret_values(
        &self,
        source: &CredentialsSource,
    ) -> Result<Vec<String>, KubeError> {
        let namespace = &source.namespace;
        let api: Api<Secret> = Api::namespaced(self.client(), namespace);
        let call = Call::new(Verb::List, "", "secrets").within(namespace);
        let secrets = match self.list(&api, &call, "").await {
            Ok(secrets) => secrets,
            // The viewer's Role knows the one by its name.
            Err(_) => vec![self.secret(source).await?],
        };
        let pairs = secrets.iter().flat_map(|it| it.data.iter().flatten());
        Ok(pairs
            .filter(|(key, _)| !key.contains("user"))
            .filter_map(|(_, value)| String::from_utf8(value.0.clone()).ok())
            .map(|it| it.trim_end_matches('\n').to_owned())
            .collect())
    }
}
