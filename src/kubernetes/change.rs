//! The few changes that guided operations make. Each sets a state, so that doing it again changes
//! nothing; those that could hit another object than the one meant carry its UID or
//! resourceVersion, and end in a conflict instead.

use std::collections::BTreeMap;
use std::fmt::Debug;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use k8s_openapi::serde::de::DeserializeOwned;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::{Value, json};

use super::{Call, Kube, KubeError, Verb};

/// A typed object that lives in a namespace.
pub(crate) trait Object:
    k8s_openapi::Resource
    + kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
    + Clone
    + Debug
    + DeserializeOwned
{
}

impl<K> Object for K where
    K: k8s_openapi::Resource
        + kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
{
}

/// Annotations to set, or to take off where there is no value.
pub type Annotations = BTreeMap<String, Option<String>>;

pub(crate) fn call_on<K: Object>(verb: Verb, namespace: &str, name: &str) -> Call {
    Call::new(
        verb,
        K::GROUP,
        <K as k8s_openapi::Resource>::URL_PATH_SEGMENT,
    )
    .named(name)
    .within(namespace)
}

/// Whether the object of a pod is kept.
#[derive(Clone, Copy)]
enum Hold<'a> {
    On { mark: Option<&'a str> },
    Off,
}

impl Kube {
    /// One object; none when it does not exist.
    pub(crate) async fn get<K: Object>(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<K>, KubeError> {
        let api: Api<K> = Api::namespaced(self.client(), namespace);
        let call = call_on::<K>(Verb::Get, namespace, name);
        self.read(&call, || api.get_opt(name)).await
    }

    /// A JSON merge patch (RFC 7386). With `metadata.resourceVersion` or `metadata.uid` in it the
    /// API refuses with a conflict when the object is another one by now.
    pub(super) async fn merge<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        body: &Value,
    ) -> Result<K, KubeError> {
        let api: Api<K> = Api::namespaced(self.client(), namespace);
        let call = call_on::<K>(Verb::Patch, namespace, name);
        let patch = Patch::Merge(body);
        let params = PatchParams::default();
        self.write(&call, || api.patch(name, &params, &patch)).await
    }

    pub(super) async fn remove<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        uid: Option<&str>,
        grace_seconds: Option<u32>,
    ) -> Result<(), KubeError> {
        let api: Api<K> = Api::namespaced(self.client(), namespace);
        let call = call_on::<K>(Verb::Delete, namespace, name);
        let params = DeleteParams {
            preconditions: uid.map(|uid| Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: None,
            }),
            grace_period_seconds: grace_seconds,
            ..DeleteParams::default()
        };
        match self.write(&call, || api.delete(name, &params)).await {
            Ok(_) | Err(KubeError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Sets `spec.replicas` of a StatefulSet, through its `scale` subresource.
    ///
    /// # Errors
    /// When it does not exist, or the API refuses.
    pub async fn scale(
        &self,
        namespace: &str,
        stateful_set: &str,
        replicas: u32,
    ) -> Result<(), KubeError> {
        self.scale_from(namespace, stateful_set, replicas, None)
            .await
    }

    /// The same, if the StatefulSet is still the one of this `resourceVersion`.
    ///
    /// # Errors
    /// [`KubeError::Conflict`] when somebody has changed it since.
    pub async fn scale_from(
        &self,
        namespace: &str,
        stateful_set: &str,
        replicas: u32,
        version: Option<&str>,
    ) -> Result<(), KubeError> {
        let api: Api<StatefulSet> = Api::namespaced(self.client(), namespace);
        let call = Call::new(Verb::Patch, "apps", "statefulsets/scale")
            .named(stateful_set)
            .within(namespace);
        let mut body = json!({"spec": {"replicas": replicas}});
        if let Some(version) = version {
            // The preconditions of a Scale are those of the object (`scaleUpdatedObjectInfo` in
            // pkg/registry/apps/statefulset/storage).
            body["metadata"] = json!({"resourceVersion": version});
        }
        let patch = Patch::Merge(body);
        let params = PatchParams::default();
        self.write(&call, || api.patch_scale(stateful_set, &params, &patch))
            .await
            .map(drop)
    }

    /// `resourceVersion` of a StatefulSet; none when it does not exist.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn stateful_set_version(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<String>, KubeError> {
        let found: Option<StatefulSet> = self.get(namespace, name).await?;
        Ok(found.and_then(|set| set.metadata.resource_version))
    }

    /// Sets `spec.minReplicas` of an autoscaler, with annotations that remember what it was.
    ///
    /// # Errors
    /// When it does not exist, or the API refuses.
    pub async fn set_autoscaler_minimum(
        &self,
        namespace: &str,
        autoscaler: &str,
        minimum: u32,
        annotations: &Annotations,
    ) -> Result<(), KubeError> {
        let body = json!({
            "metadata": {"annotations": annotations},
            "spec": {"minReplicas": minimum},
        });
        self.merge::<HorizontalPodAutoscaler>(namespace, autoscaler, &body)
            .await
            .map(drop)
    }

    /// Changes an autoscaler by a JSON merge patch.
    ///
    /// # Errors
    /// When it does not exist, or the API refuses.
    pub async fn patch_autoscaler(
        &self,
        namespace: &str,
        autoscaler: &str,
        patch: &Value,
    ) -> Result<(), KubeError> {
        self.merge::<HorizontalPodAutoscaler>(namespace, autoscaler, patch)
            .await
            .map(drop)
    }

    /// Replaces `spec.selector` of a Service, with annotations that remember what it was.
    ///
    /// # Errors
    /// When it does not exist, changes at the same moment (conflict), or the API refuses.
    pub async fn set_service_selector(
        &self,
        namespace: &str,
        service: &str,
        selector: &BTreeMap<String, String>,
        annotations: &Annotations,
    ) -> Result<(), KubeError> {
        let now: Service =
            self.get(namespace, service)
                .await?
                .ok_or_else(|| KubeError::NotFound {
                    call: Box::new(call_on::<Service>(Verb::Patch, namespace, service)),
                })?;
        let old = now.spec.and_then(|spec| spec.selector).unwrap_or_default();
        // A merge keeps the keys that it does not name: those that are to go are set to null.
        let whole: BTreeMap<&String, Option<&String>> = old
            .keys()
            .map(|key| (key, None))
            .chain(selector.iter().map(|(key, value)| (key, Some(value))))
            .collect();
        let body = json!({
            "metadata": {
                "annotations": annotations,
                "resourceVersion": now.metadata.resource_version,
            },
            "spec": {"selector": whole},
        });
        self.merge::<Service>(namespace, service, &body)
            .await
            .map(drop)
    }

    /// Sets annotations of a pod.
    ///
    /// # Errors
    /// When it does not exist, or the API refuses.
    pub async fn annotate_pod(
        &self,
        namespace: &str,
        pod: &str,
        annotations: &Annotations,
    ) -> Result<(), KubeError> {
        let body = json!({"metadata": {"annotations": annotations}});
        self.merge::<Pod>(namespace, pod, &body).await.map(drop)
    }

    /// Puts a finalizer on the pod with this UID: its object stays until it is taken off, even
    /// after the pod has ended. The pod sees it as an annotation of the same name, whose value is
    /// `mark`; none: `held`, or what it is already.
    ///
    /// # Errors
    /// When the pod is gone, is another one, is being deleted already, or the API refuses.
    pub async fn hold_pod(
        &self,
        namespace: &str,
        pod: &str,
        uid: &str,
        finalizer: &str,
        mark: Option<&str>,
    ) -> Result<(), KubeError> {
        let hold = Hold::On { mark };
        self.set_finalizer(namespace, pod, uid, finalizer, hold)
            .await
    }

    /// Takes the finalizer off the pod with this UID. A pod that is gone, or is another one by
    /// now, needs nothing.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn release_pod(
        &self,
        namespace: &str,
        pod: &str,
        uid: &str,
        finalizer: &str,
    ) -> Result<(), KubeError> {
        match self
            .set_finalizer(namespace, pod, uid, finalizer, Hold::Off)
            .await
        {
            Err(KubeError::NotFound { .. }) => Ok(()),
            other => other,
        }
    }

    async fn set_finalizer(
        &self,
        namespace: &str,
        pod: &str,
        uid: &str,
        finalizer: &str,
        hold: Hold<'_>,
    ) -> Result<(), KubeError> {
        // The kubelet writes to the pod all the time: a conflict is no news, look again.
        const ATTEMPTS: usize = 5;
        let gone = || KubeError::NotFound {
            call: Box::new(call_on::<Pod>(Verb::Patch, namespace, pod)),
        };
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let now: Pod = self.get(namespace, pod).await?.ok_or_else(gone)?;
            if now.metadata.uid.as_deref() != Some(uid) {
                return Err(gone());
            }
            let mut finalizers = now.metadata.finalizers.unwrap_or_default();
            let is_on = finalizers.iter().any(|name| name == finalizer);
            let marked = now.metadata.annotations.unwrap_or_default();
            let marked = marked.get(finalizer).map(String::as_str);
            // An annotation of the same name, because a pod can't see its finalizers.
            let wanted = match hold {
                Hold::On { mark } => Some(mark.or(marked).unwrap_or("held")),
                Hold::Off => None,
            };
            if is_on == wanted.is_some() && marked == wanted {
                return Ok(());
            }
            finalizers.retain(|name| name != finalizer);
            finalizers.extend(wanted.map(|_| finalizer.to_owned()));
            let annotations = json!({finalizer: wanted});
            let body = json!({"metadata": {
                "finalizers": finalizers,
                "annotations": annotations,
                "resourceVersion": now.metadata.resource_version,
            }});
            match self.merge::<Pod>(namespace, pod, &body).await {
                Ok(_) => return Ok(()),
                Err(error @ KubeError::Conflict { .. }) => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(gone))
    }

    /// Deletes the pod with this UID, with its own grace period. One that is gone needs nothing.
    ///
    /// # Errors
    /// A conflict when the pod of this name is another one by now; or the API refuses.
    pub async fn delete_pod(&self, namespace: &str, pod: &str, uid: &str) -> Result<(), KubeError> {
        self.remove::<Pod>(namespace, pod, Some(uid), None).await
    }

    /// The same with a grace period of so many seconds, also for one that is being deleted with a
    /// longer one. Never 0: the object would go before its kubelet has seen the end.
    ///
    /// # Errors
    /// As [`Self::delete_pod`].
    pub async fn delete_pod_within(
        &self,
        namespace: &str,
        pod: &str,
        uid: &str,
        grace_seconds: u32,
    ) -> Result<(), KubeError> {
        let grace = Some(grace_seconds.max(1));
        self.remove::<Pod>(namespace, pod, Some(uid), grace).await
    }

    /// Deletes a claim, and with it the data. Kubernetes waits until no pod uses it.
    ///
    /// # Errors
    /// A conflict when the claim of this name is another one by now; or the API refuses.
    pub async fn delete_claim(
        &self,
        namespace: &str,
        claim: &str,
        uid: Option<&str>,
    ) -> Result<(), KubeError> {
        self.remove::<PersistentVolumeClaim>(namespace, claim, uid, None)
            .await
    }
}
