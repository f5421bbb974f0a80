//! The pod and the claim of a throw-away server: a backup restored beside the cluster.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ExecAction, PersistentVolumeClaim, Pod, Probe};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::facts::facts_of;
use super::set_template::claim_template;
use super::{Kube, KubeError, NamespaceScope};
use crate::cluster::{ClusterId, Component, PodFacts, names};
use crate::plan::{ThrowAwayServer, VolumeHandle};

/// What the container of a throw-away server does.
const SERVE: &str = include_str!("serve.sh");
/// Whether it answers.
const READY: [&str; 3] = [
    "/bin/sh",
    "-c",
    "exec pg_isready -q -h \"${PG_RUN_DIR:-/var/run/postgresql}\" -p 5432",
];

impl Kube {
    /// Makes the claim of a throw-away server: as the StatefulSet has it in its template, or as large as pod 0 has it by
    /// now, and found by none of the labels of the cluster.
    ///
    /// # Errors
    /// When the StatefulSet has no such template, the API refuses, or what is there of that name was made by another operation.
    pub async fn make_server_claim(
        &self,
        cluster: &ClusterId,
        volume: &VolumeHandle,
    ) -> Result<(), KubeError> {
        let namespace = &cluster.namespace;
        let set = self.template(namespace, &volume.stateful_set).await?;
        let template = claim_template(&set, &volume.claim)?;
        let mut spec = template.spec.clone().unwrap_or_default();
        let grown = format!("{}-{}-0", names::DATA_VOLUME, volume.stateful_set);
        let grown: Option<PersistentVolumeClaim> = self.get(namespace, &grown).await?;
        if let Some(now) = grown.and_then(|it| it.spec) {
            // What it asks for is never less than the template of the time when it was made, or than what somebody has made of it since.
            let asked = now.resources.and_then(|it| it.requests);
            let mut resources = spec.resources.take().unwrap_or_default();
            resources.requests = asked.or(resources.requests);
            spec.resources = Some(resources);
        }
        // It is filled from the backup, and from nothing else.
        (spec.data_source, spec.data_source_ref, spec.volume_name) = (None, None, None);
        let object = PersistentVolumeClaim {
            metadata: server_metadata(cluster, volume, &volume.claim),
            spec: Some(spec),
            ..PersistentVolumeClaim::default()
        };
        match self.create_claim(namespace, &volume.claim, &object).await {
            Err(KubeError::AlreadyExists { .. }) => {
                self.server_claim_stays(cluster, volume).await.map(drop)
            }
            made => made,
        }
    }

    /// Deletes the pod and the claim of a throw-away server, if this operation has made them. The claim goes when the pod has gone.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn delete_server(
        &self,
        cluster: &ClusterId,
        volume: &VolumeHandle,
    ) -> Result<(), KubeError> {
        let made = self.made(cluster, volume).await?;
        self.delete_throw_away(cluster, &made).await
    }

    /// Whether neither the pod nor the claim of a throw-away server is there, as this operation has made them.
    ///
    /// # Errors
    /// When they can't be read.
    pub async fn server_is_gone(
        &self,
        cluster: &ClusterId,
        volume: &VolumeHandle,
    ) -> Result<bool, KubeError> {
        Ok(self.made(cluster, volume).await? == ThrowAwayObjects::default())
    }

    /// What the operation that makes a throw-away server has made of it, as far as it is there.
    async fn made(
        &self,
        cluster: &ClusterId,
        volume: &VolumeHandle,
    ) -> Result<ThrowAwayObjects, KubeError> {
        let namespace = &cluster.namespace;
        let (pod, claim) = futures::join!(
            self.get::<Pod>(namespace, &volume.pod),
            self.get::<PersistentVolumeClaim>(namespace, &volume.claim)
        );
        let ours = |meta: ObjectMeta| made_by(&meta, volume).then(|| object_of(&meta)).flatten();
        Ok(ThrowAwayObjects {
            pod: pod?.and_then(|it| ours(it.metadata)),
            claim: claim?.and_then(|it| ours(it.metadata)),
        })
    }

    /// Whether the claim of a throw-away server is there, and stays, as this operation has made it.
    ///
    /// # Errors
    /// When it can't be read, or another has made one of this name.
    pub async fn server_claim_stays(
        &self,
        cluster: &ClusterId,
        volume: &VolumeHandle,
    ) -> Result<bool, KubeError> {
        let claim: Option<PersistentVolumeClaim> =
            self.get(&cluster.namespace, &volume.claim).await?;
        let Some(claim) = claim else { return Ok(false) };
        ours(&claim.metadata, volume)?;
        Ok(claim.metadata.deletion_timestamp.is_none())
    }

    /// That neither a pod nor a claim is there which another has made under the names of a throw-away server. Of the pod on another's
    /// volume there is nothing to be said.
    ///
    /// # Errors
    /// When there is one, or that can't be read.
    pub async fn nothing_foreign(
        &self,
        cluster: &ClusterId,
        volume: &VolumeHandle,
    ) -> Result<(), KubeError> {
        if volume.server.is_none() {
            return Ok(());
        }
        let pod: Option<Pod> = self.get(&cluster.namespace, &volume.pod).await?;
        if let Some(pod) = pod {
            ours(&pod.metadata, volume)?;
        }
        self.server_claim_stays(cluster, volume).await.map(drop)
    }

    /// Whether an object of this name exists as a claim, whatever it is.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn claim_exists(&self, namespace: &str, name: &str) -> Result<bool, KubeError> {
        let claim: Option<PersistentVolumeClaim> = self.get(namespace, name).await?;
        Ok(claim.is_some())
    }

    /// The throw-away servers of a cluster, by name: their pods and claims, whichever of the two there are.
    ///
    /// # Errors
    /// When they can't be listed.
    pub async fn throw_away_servers(
        &self,
        cluster: &ClusterId,
    ) -> Result<BTreeMap<String, ThrowAwayObjects>, KubeError> {
        let selector = selector(cluster);
        let place = NamespaceScope::Namespace(cluster.namespace.clone());
        let (pods, claims) = futures::join!(
            self.all::<Pod>(&place, &selector, "", "pods"),
            self.all::<PersistentVolumeClaim>(&place, &selector, "", "persistentvolumeclaims")
        );
        let mut found = BTreeMap::<String, ThrowAwayObjects>::new();
        for pod in pods? {
            if let Some((name, object)) = throw_away_object(&pod.metadata) {
                found.entry(name).or_default().pod = Some(object);
            }
        }
        for claim in claims? {
            if let Some((name, object)) = throw_away_object(&claim.metadata) {
                found.entry(name).or_default().claim = Some(object);
            }
        }
        Ok(found)
    }

    /// Their pods. Each is pod 0 of the cluster that it was.
    ///
    /// # Errors
    /// When they can't be listed.
    pub async fn throw_away_pods(&self, cluster: &ClusterId) -> Result<Vec<PodFacts>, KubeError> {
        let place = NamespaceScope::Namespace(cluster.namespace.clone());
        let pods = self
            .all::<Pod>(&place, &selector(cluster), "", "pods")
            .await?;
        let facts = pods
            .iter()
            .filter_map(|pod| facts_of(pod, Component::Primary, 0, None));
        Ok(facts.collect())
    }

    /// Deletes the pod of a throw-away server, and its claim, if they are still those that were seen.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn delete_throw_away(
        &self,
        cluster: &ClusterId,
        seen: &ThrowAwayObjects,
    ) -> Result<(), KubeError> {
        let namespace = &cluster.namespace;
        if let Some(pod) = &seen.pod {
            self.remove::<Pod>(namespace, &pod.name, Some(&pod.uid), None)
                .await?;
        }
        if let Some(claim) = &seen.claim {
            self.remove::<PersistentVolumeClaim>(namespace, &claim.name, Some(&claim.uid), None)
                .await?;
        }
        Ok(())
    }
}

/// That the operation has made it that makes this server.
fn ours(meta: &ObjectMeta, volume: &VolumeHandle) -> Result<(), KubeError> {
    if made_by(meta, volume) {
        return Ok(());
    }
    let name = meta.name.as_deref().unwrap_or_default();
    Err(KubeError::Unexpected {
        doing: format!("making {name}"),
        reason: "there is one of this name, which another has made".to_owned(),
    })
}

/// What finds those of a cluster.
fn selector(cluster: &ClusterId) -> String {
    format!("{},{}={}", names::THROW_AWAY, names::CLUSTER, cluster.name)
}

/// An object of a throw-away server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrowAwayObject {
    /// Its name.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// When it was made, by the API server's clock.
    pub created: Option<Timestamp>,
}

/// What there is of a throw-away server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ThrowAwayObjects {
    /// Its pod.
    pub pod: Option<ThrowAwayObject>,
    /// Its claim.
    pub claim: Option<ThrowAwayObject>,
}

fn throw_away_object(meta: &ObjectMeta) -> Option<(String, ThrowAwayObject)> {
    let name = meta.labels.as_ref()?.get(names::THROW_AWAY)?.clone();
    Some((name, object_of(meta)?))
}

fn object_of(meta: &ObjectMeta) -> Option<ThrowAwayObject> {
    Some(ThrowAwayObject {
        name: meta.name.clone()?,
        uid: meta.uid.clone()?,
        created: meta.creation_timestamp.as_ref().map(|it| it.0),
    })
}

/// Whether the operation has made it that makes this server.
fn made_by(meta: &ObjectMeta, volume: &VolumeHandle) -> bool {
    let annotations = meta.annotations.as_ref();
    let made = annotations.and_then(|it| it.get(names::MADE_BY));
    volume.server.as_ref().map(|it| &it.operation) == made && made.is_some()
}

fn server_labels(cluster: &str, server: &ThrowAwayServer) -> BTreeMap<String, String> {
    BTreeMap::from([
        (names::MANAGED_BY.to_owned(), "pgctl".to_owned()),
        (names::CLUSTER.to_owned(), cluster.to_owned()),
        (names::THROW_AWAY.to_owned(), server.name.clone()),
    ])
}

fn server_metadata(cluster: &ClusterId, volume: &VolumeHandle, name: &str) -> ObjectMeta {
    let server = volume.server.as_ref();
    ObjectMeta {
        name: Some(name.to_owned()),
        labels: server.map(|it| server_labels(&cluster.name, it)),
        annotations: server
            .map(|it| BTreeMap::from([(names::MADE_BY.to_owned(), it.operation.clone())])),
        ..ObjectMeta::default()
    }
}

/// Makes it the pod of a throw-away server: it waits for its data, starts PostgreSQL on it, and stays.
pub(super) fn serving(pod: &mut Pod, cluster: &ClusterId, volume: &VolumeHandle) {
    pod.metadata = server_metadata(cluster, volume, &volume.pod);
    let Some(spec) = &mut pod.spec else { return };
    spec.active_deadline_seconds = None;
    spec.restart_policy = Some("Always".to_owned());
    // Nobody has to make room for a look into the past.
    (
        spec.priority_class_name,
        spec.priority,
        spec.preemption_policy,
    ) = (None, None, None);
    for container in &mut spec.containers {
        container.command = Some(["/bin/sh", "-c", SERVE].map(str::to_owned).to_vec());
        container.readiness_probe = Some(Probe {
            exec: Some(ExecAction {
                command: Some(READY.map(str::to_owned).to_vec()),
            }),
            period_seconds: Some(5),
            timeout_seconds: Some(5),
            ..Probe::default()
        });
    }
}
