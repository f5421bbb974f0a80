//! A pod that works on the volume of another one that is stopped: made after its StatefulSet's
//! template, with the same image, user and claims, and nothing of it running.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, Container, PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, Pod, PodSpec,
    Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;

use super::change::call_on;
use super::facts::facts_of;
use super::set_template::claim_template;
use super::throw_away::serving;
use super::{Kube, KubeError, Verb};
use crate::cluster::{ClusterId, Component, names};
use crate::plan::VolumeHandle;

/// What the container does while it is worked in: it waits, and ends when it is told to.
const WAIT: &str = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done";
/// Nothing works for so long: a pod that was forgotten ends by itself.
const LONGEST_SECONDS: i64 = 2 * 24 * 3600;
/// What it does in its last seconds is worth nothing.
const GRACE_SECONDS: i64 = 5;

impl Kube {
    /// Makes the pod, unless it is there.
    ///
    /// # Errors
    /// When there is no such StatefulSet, the API refuses, or what is there of that name was made by another operation (of
    /// a throw-away server).
    pub async fn make_volume_pod(
        &self,
        cluster: &ClusterId,
        volume: &VolumeHandle,
    ) -> Result<(), KubeError> {
        let (namespace, name) = (&cluster.namespace, &volume.pod);
        let set = self.template(namespace, &volume.stateful_set).await?;
        let template = set.spec.map(|spec| spec.template).unwrap_or_default();
        let mut pod = volume_pod(
            name,
            &volume.claim,
            &cluster.name,
            template.spec.unwrap_or_default(),
        );
        if volume.server.is_some() {
            serving(&mut pod, cluster, volume);
        }
        let api: Api<Pod> = Api::namespaced(self.client(), namespace);
        let call = call_on::<Pod>(Verb::Create, namespace, name);
        let params = PostParams::default();
        match self.write(&call, || api.create(&params, &pod)).await {
            Err(error @ KubeError::AlreadyExists { .. }) => {
                self.nothing_foreign(cluster, volume).await?;
                // One on its way out is no pod to work in: tried again when it has gone.
                let going = volume.server.is_some()
                    && self.volume_pod_runs(namespace, name).await?.is_none();
                if going { Err(error) } else { Ok(()) }
            }
            made => made.map(drop),
        }
    }

    /// Whether the pod runs; none when it does not exist, or is on its way out.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn volume_pod_runs(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<bool>, KubeError> {
        let pod: Option<Pod> = self.get(namespace, name).await?;
        Ok(pod
            .filter(|pod| pod.metadata.deletion_timestamp.is_none())
            .map(|pod| {
                pod.status
                    .and_then(|status| status.container_statuses)
                    .is_some_and(|all| {
                        all.iter().any(|it| {
                            it.state
                                .as_ref()
                                .is_some_and(|state| state.running.is_some())
                        })
                    })
            }))
    }

    /// Why the pod does not run, as far as its object tells; none when it runs, or there is none.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn why_not_running(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<String>, KubeError> {
        let pod: Option<Pod> = self.get(namespace, name).await?;
        // It has no place among the pods of a StatefulSet.
        let facts = pod.and_then(|it| facts_of(&it, Component::Primary, 0, None));
        let why = facts.and_then(|it| it.why_not_up());
        Ok(why.map(|why| format!("{name} does not run: {why}")))
    }

    /// Whether the pod has ended, and will not run again.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn volume_pod_ended(&self, namespace: &str, name: &str) -> Result<bool, KubeError> {
        let pod: Option<Pod> = self.get(namespace, name).await?;
        let phase = pod
            .and_then(|pod| pod.status)
            .and_then(|status| status.phase);
        Ok(matches!(phase.as_deref(), Some("Failed" | "Succeeded")))
    }

    /// Whether an object of this name exists as a pod, whatever it is.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn pod_exists(&self, namespace: &str, name: &str) -> Result<bool, KubeError> {
        let pod: Option<Pod> = self.get(namespace, name).await?;
        Ok(pod.is_some())
    }

    /// Deletes the pod; one that is gone needs nothing.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn delete_volume_pod(&self, namespace: &str, name: &str) -> Result<(), KubeError> {
        self.remove::<Pod>(namespace, name, None, None).await
    }

    /// Makes a claim as the StatefulSet would, unless it is there.
    ///
    /// # Errors
    /// When the StatefulSet has no such template, or the API refuses.
    pub async fn make_claim(
        &self,
        namespace: &str,
        claim: &str,
        stateful_set: &str,
    ) -> Result<(), KubeError> {
        let set = self.template(namespace, stateful_set).await?;
        let template = claim_template(&set, claim)?;
        // The controller gives its claims the labels of the selector.
        let selector = set.spec.as_ref().map(|spec| spec.selector.clone());
        let mut labels = selector.and_then(|it| it.match_labels).unwrap_or_default();
        labels.extend(template.metadata.labels.clone().unwrap_or_default());
        let object = PersistentVolumeClaim {
            metadata: ObjectMeta {
                name: Some(claim.to_owned()),
                labels: Some(labels),
                annotations: template.metadata.annotations.clone(),
                ..ObjectMeta::default()
            },
            spec: template.spec.clone(),
            ..PersistentVolumeClaim::default()
        };
        match self.create_claim(namespace, claim, &object).await {
            Ok(()) | Err(KubeError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn create_claim(
        &self,
        namespace: &str,
        name: &str,
        object: &PersistentVolumeClaim,
    ) -> Result<(), KubeError> {
        let api: Api<PersistentVolumeClaim> = Api::namespaced(self.client(), namespace);
        let call = call_on::<PersistentVolumeClaim>(Verb::Create, namespace, name);
        let params = PostParams::default();
        self.write(&call, || api.create(&params, object))
            .await
            .map(drop)
    }

    /// Whether a claim exists and stays.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn claim_stays(&self, namespace: &str, claim: &str) -> Result<bool, KubeError> {
        let claim: Option<PersistentVolumeClaim> = self.get(namespace, claim).await?;
        Ok(claim.is_some_and(|it| it.metadata.deletion_timestamp.is_none()))
    }
}

fn volume_pod(name: &str, claim: &str, cluster: &str, template: PodSpec) -> Pod {
    let data = Volume {
        name: names::DATA_VOLUME.to_owned(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: claim.to_owned(),
            read_only: None,
        }),
        ..Volume::default()
    };
    let others = template
        .volumes
        .into_iter()
        .flatten()
        .filter(|it| it.name != names::DATA_VOLUME);
    let container = template
        .containers
        .into_iter()
        .find(|it| it.name == names::CONTAINER)
        .unwrap_or_default();
    Pod {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(BTreeMap::from([
                (names::MANAGED_BY.to_owned(), "pgctl".to_owned()),
                (names::CLUSTER.to_owned(), cluster.to_owned()),
            ])),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            active_deadline_seconds: Some(LONGEST_SECONDS),
            restart_policy: Some("Never".to_owned()),
            termination_grace_period_seconds: Some(GRACE_SECONDS),
            volumes: Some(std::iter::once(data).chain(others).collect()),
            containers: vec![Container {
                name: names::CONTAINER.to_owned(),
                command: Some(["/bin/sh", "-c", WAIT].map(str::to_owned).to_vec()),
                args: None,
                ports: None,
                lifecycle: None,
                liveness_probe: None,
                readiness_probe: None,
                startup_probe: None,
                ..container
            }],
            init_containers: None,
            ephemeral_containers: None,
            // Where it runs does not depend on the pods that are stopped, but on the volume and the
            // nodes alone.
            affinity: template
                .affinity
                .and_then(|it| it.node_affinity)
                .map(|node| Affinity {
                    node_affinity: Some(node),
                    ..Affinity::default()
                }),
            topology_spread_constraints: None,
            hostname: None,
            subdomain: None,
            ..template
        }),
        ..Pod::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_has_the_users_rights_and_volumes_and_runs_nothing() {
        let template: PodSpec = serde_json::from_value(json!({
            "securityContext": {"runAsUser": 999, "fsGroup": 999},
            "affinity": {"podAntiAffinity": {}, "nodeAffinity":
                {"preferredDuringSchedulingIgnoredDuringExecution": []}},
            "containers": [
                {"name": "sidecar", "image": "x"},
                {"name": "postgres", "image": "postgres:15", "command": ["start.sh"],
                 "livenessProbe": {"exec": {"command": ["probe"]}},
                 "securityContext": {"readOnlyRootFilesystem": true},
                 "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}]},
            ],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        }))
        .expect("a template");
        let pod = serde_json::to_value(volume_pod("p-restore", "data-p", "c", template))
            .expect("an object");
        let container = &pod["spec"]["containers"][0];
        assert_eq!(pod["spec"]["containers"].as_array().map(Vec::len), Some(1));
        assert_eq!(container["image"], "postgres:15");
        assert!(container.get("livenessProbe").is_none());
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert_eq!(pod["spec"]["securityContext"]["runAsUser"], 999);
        let affinity = &pod["spec"]["affinity"];
        assert!(affinity.get("podAntiAffinity").is_none());
        assert!(affinity.get("nodeAffinity").is_some());
        assert_eq!(
            pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"],
            "data-p"
        );
        assert_eq!(pod["spec"]["volumes"][1]["name"], "tmp");
        // What selects the cluster's pods must not select this one.
        assert!(pod["metadata"]["labels"].get(names::NAME).is_none());
    }
}
