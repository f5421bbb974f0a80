//! Every container that runs for a cluster, or has: the database's, what stands beside it, poolers, Jobs.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt as _;

use super::discovery::cluster_of;
use super::{Kube, KubeError, NamespaceScope};
use crate::cluster::{ClusterId, names};

/// Pods of Jobs whose logs are of interest, the newest first: backups are taken every night.
const NEWEST: usize = 8;

/// A container that was started at least once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedContainer {
    /// Its pod.
    pub pod: String,
    /// Its name there.
    pub container: String,
    /// It was started anew, so that there is a log of the one before.
    pub restarted: bool,
}

impl Kube {
    /// The containers of every pod that belongs to a cluster, by label.
    ///
    /// # Errors
    /// When pods can't be listed.
    pub async fn started_containers(
        &self,
        cluster: &ClusterId,
    ) -> Result<Vec<StartedContainer>, KubeError> {
        let place = NamespaceScope::Namespace(cluster.namespace.clone());
        let pods: Vec<Pod> = self.all(&place, "", "", "pods").await?;
        Ok(started(pods, cluster))
    }
}

fn started(mut pods: Vec<Pod>, cluster: &ClusterId) -> Vec<StartedContainer> {
    pods.retain(|it| belongs(it, cluster));
    pods.sort_by_key(|it| {
        let made = it.metadata.creation_timestamp.clone();
        std::cmp::Reverse(made.map(|it| it.0))
    });
    let mut of_jobs = 0;
    pods.retain(|pod| {
        of_jobs += usize::from(is_of_a_job(pod));
        !is_of_a_job(pod) || of_jobs <= NEWEST
    });
    pods.iter().flat_map(containers).collect()
}

/// Whether its labels say that a pod is of this cluster, whatever it is for.
pub(super) fn belongs(pod: &Pod, cluster: &ClusterId) -> bool {
    let label = |name: &str| pod.labels().get(name).map(String::as_str);
    let of_the_manifests = [names::NAME_POSTGRES, names::NAME_POOLER];
    let known = label(names::NAME).is_some_and(|it| of_the_manifests.contains(&it))
        || label(names::COMPONENT).is_some_and(|it| names::COMPANIONS.contains(&it));
    known && cluster_of(&pod.metadata) == *cluster || label(names::CLUSTER) == Some(&cluster.name)
}

fn is_of_a_job(pod: &Pod) -> bool {
    pod.owner_references().iter().any(|it| it.kind == "Job")
}

fn containers(pod: &Pod) -> Vec<StartedContainer> {
    let Some(status) = &pod.status else {
        return Vec::new();
    };
    let prepare = status.init_container_statuses.iter().flatten();
    let run = status.container_statuses.iter().flatten();
    let was_started = |it: &&ContainerStatus| {
        let state = it.state.as_ref();
        it.restart_count > 0 || state.is_some_and(|it| it.waiting.is_none())
    };
    let found = prepare.chain(run).filter(was_started);
    found
        .map(|it| StartedContainer {
            pod: pod.name_any(),
            container: it.name.clone(),
            restarted: it.restart_count > 0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, labels: &serde_json::Value, minute: u32) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "n", "labels": labels,
                "creationTimestamp": format!("2026-03-01T12:{minute:02}:00Z")},
            "status": {
                "initContainerStatuses": [{"name": "prepare", "image": "i", "imageID": "", "ready": true,
                    "restartCount": 0, "state": {"terminated": {"exitCode": 0}}}],
                "containerStatuses": [
                    {"name": "main", "image": "i", "imageID": "", "ready": true, "restartCount": 2,
                     "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
                    {"name": "never", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
                     "state": {"waiting": {"reason": "ErrImagePull"}}}]}}))
        .expect("a pod")
    }

    fn shop() -> ClusterId {
        ClusterId {
            namespace: "n".to_owned(),
            name: "shop".to_owned(),
        }
    }

    #[test]
    fn what_belongs_to_the_cluster_is_known_by_its_labels() {
        let (name, component, instance) = (names::NAME, names::COMPONENT, names::INSTANCE);
        let pods = vec![
            pod(
                "pooler",
                &json!({name: names::NAME_POOLER, instance: "shop"}),
                0,
            ),
            pod("backup", &json!({component: "backup", instance: "shop"}), 1),
            pod("throw-away", &json!({names::CLUSTER: "shop"}), 2),
            pod(
                "of-another",
                &json!({component: "backup", instance: "other"}),
                3,
            ),
            pod("web", &json!({component: "frontend", instance: "shop"}), 4),
        ];
        let found = started(pods, &shop());
        let names: Vec<String> = found
            .iter()
            .map(|it| format!("{}/{} {}", it.pod, it.container, it.restarted))
            .collect();
        assert_eq!(
            names,
            [
                "throw-away/prepare false",
                "throw-away/main true",
                "backup/prepare false",
                "backup/main true",
                "pooler/prepare false",
                "pooler/main true",
            ]
        );
    }

    #[test]
    fn of_many_jobs_the_newest_are_of_interest() {
        let of_job = |minute: u32| {
            let labels = json!({names::COMPONENT: "backup", names::INSTANCE: "shop"});
            let mut pod = pod(&format!("b-{minute}"), &labels, minute);
            let owner = json!([{"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "u"}]);
            pod.metadata.owner_references = serde_json::from_value(owner).expect("owners");
            pod
        };
        let found = started((0..30).map(of_job).collect(), &shop());
        assert_eq!(found.len(), 2 * NEWEST);
        assert_eq!(found[0].pod, "b-29");
    }
}
