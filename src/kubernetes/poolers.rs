//! The pods of poolers, and the Secret with their passwords.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, Secret};
use kube::ResourceExt as _;
use secrecy::SecretString;

use super::discovery::cluster_of;
use super::{Kube, KubeError, NamespaceScope};
use crate::cluster::{ClusterId, HandPause, PoolerPod, PoolerPurpose, names};

impl Kube {
    /// The pods of the poolers of a cluster, by label: those for writes first, then by name.
    ///
    /// # Errors
    /// When pods can't be listed.
    pub async fn poolers(&self, cluster: &ClusterId) -> Result<Vec<PoolerPod>, KubeError> {
        let place = NamespaceScope::Namespace(cluster.namespace.clone());
        let selector = format!("{}={}", names::NAME, names::NAME_POOLER);
        let pods: Vec<Pod> = self.all(&place, &selector, "", "pods").await?;
        let mut found: Vec<PoolerPod> = pods
            .iter()
            .filter(|pod| cluster_of(&pod.metadata) == *cluster)
            .filter_map(pooler_pod)
            .collect();
        found.sort_by(|a, b| (a.purpose, &a.name).cmp(&(b.purpose, &b.name)));
        Ok(found)
    }

    /// The password under a key of a pooler's Secret, which is never shown.
    ///
    /// # Errors
    /// When the Secret or the key is not there, or it may not be read.
    pub async fn pooler_password(
        &self,
        cluster: &ClusterId,
        secret: &str,
        key: &str,
    ) -> Result<SecretString, KubeError> {
        let bad = |problem: String| KubeError::BadSecret {
            secret: secret.to_owned(),
            namespace: cluster.namespace.clone(),
            problem,
        };
        let found: Option<Secret> = self.get(&cluster.namespace, secret).await?;
        let found = found.ok_or_else(|| bad("does not exist".to_owned()))?;
        let value = found.data.as_ref().and_then(|data| data.get(key));
        let value = value.ok_or_else(|| bad(format!("has no key {key:?}")))?;
        match String::from_utf8(value.0.clone()) {
            Ok(text) if text.is_empty() => Err(bad(format!("holds nothing under {key:?}"))),
            Ok(text) => Ok(SecretString::from(text)),
            Err(_) => Err(bad(format!("holds no text under {key:?}"))),
        }
    }
}

/// What the object says; none for a pod of another component.
fn pooler_pod(pod: &Pod) -> Option<PoolerPod> {
    let purpose = match pod.labels().get(names::COMPONENT)?.as_str() {
        names::POOLER_WRITE => PoolerPurpose::Write,
        names::POOLER_READ => PoolerPurpose::Read,
        _ => return None,
    };
    let volumes = pod.spec.as_ref().and_then(|spec| spec.volumes.as_ref());
    let secret = volumes.into_iter().flatten().find_map(|volume| {
        let secret = volume.secret.as_ref()?.secret_name.clone();
        secret.filter(|_| volume.name == names::POOLER_SECRET_VOLUME)
    });
    let statuses = pod
        .status
        .as_ref()
        .and_then(|it| it.container_statuses.as_ref());
    let container = statuses.into_iter().flatten().next();
    Some(PoolerPod {
        name: pod.name_any(),
        purpose,
        stopped: match container {
            Some(status) => why_stopped(status),
            None => Some("it has not been started".to_owned()),
        },
        started: container.and_then(running_since),
        leaving: pod.metadata.deletion_timestamp.is_some(),
        secret,
        pause: HandPause::NotAsked,
        paused_databases: Vec::new(),
    })
}

fn running_since(status: &ContainerStatus) -> Option<Timestamp> {
    let running = status.state.as_ref()?.running.as_ref()?;
    running.started_at.as_ref().map(|it| it.0)
}

/// The script's last words, before the kubelet's.
fn why_stopped(status: &ContainerStatus) -> Option<String> {
    let state = status.state.as_ref();
    if state.is_some_and(|it| it.running.is_some()) {
        return None;
    }
    let ended = [state, status.last_state.as_ref()];
    let message = ended
        .iter()
        .flatten()
        .find_map(|it| it.terminated.as_ref()?.message.clone());
    let waiting = state.and_then(|it| it.waiting.as_ref());
    let why = message
        .or_else(|| waiting?.message.clone())
        .or_else(|| waiting?.reason.clone());
    Some(why.unwrap_or_else(|| "its container does not run".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(component: &str, status: serde_json::Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "p", "labels": {"app.kubernetes.io/component": component}},
            "spec": {"containers": [], "volumes": [
                {"name": "run", "emptyDir": {}},
                {"name": "passwords", "secret": {"secretName": "s"}},
            ]},
            "status": {"containerStatuses": [status]},
        }))
        .expect("a pod")
    }

    fn status(state: serde_json::Value) -> serde_json::Value {
        json!({"name": "pgbouncer", "image": "", "imageID": "", "ready": true, "restartCount": 0,
            "state": state})
    }

    #[test]
    fn a_pod_says_which_way_it_leads_and_where_its_passwords_are() {
        let running = status(json!({"running": {"startedAt": "2026-01-02T03:05:00Z"}}));
        let found = pooler_pod(&pod("pooler", running.clone())).expect("a pooler");
        assert_eq!(found.purpose, PoolerPurpose::Write);
        let started = found.started.map(|it| it.to_string());
        assert_eq!(started.as_deref(), Some("2026-01-02T03:05:00Z"));
        assert_eq!(found.secret.as_deref(), Some("s"));
        assert_eq!(found.stopped, None);
        let reads = pooler_pod(&pod("pooler-read", running.clone())).expect("a pooler");
        assert_eq!(reads.purpose, PoolerPurpose::Read);
        assert_eq!(pooler_pod(&pod("monitoring", running)), None);
    }

    #[test]
    fn one_that_does_not_run_says_why_in_its_own_words() {
        let mut status =
            status(json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}));
        let stopped = |status: &serde_json::Value| {
            let found = pooler_pod(&pod("pooler", status.clone())).expect("a pooler");
            found.stopped
        };
        assert_eq!(stopped(&status).as_deref(), Some("back-off 10s"));
        status["lastState"] =
            json!({"terminated": {"exitCode": 1, "message": "still the placeholder"}});
        assert_eq!(stopped(&status).as_deref(), Some("still the placeholder"));
    }
}
