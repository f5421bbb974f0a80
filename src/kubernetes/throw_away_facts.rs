//! Throw-away servers, as those that only look see them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::facts::{claim_bytes, facts_of};
use super::{Kube, KubeError, NamespaceScope};
use crate::cluster::{ClusterId, Component, ThrowAwayClaim, ThrowAwayFacts, names};

/// The throw-away servers of a place.
#[derive(Debug, Default)]
pub struct ThrowAwaysFound {
    servers: BTreeMap<ClusterId, BTreeMap<String, ThrowAwayFacts>>,
    /// Why there may be more of them, or more of one, when something could not be listed.
    pub unseen: Option<String>,
}

impl ThrowAwaysFound {
    /// Those of a cluster, by name.
    pub fn of(&self, cluster: &ClusterId) -> BTreeMap<String, ThrowAwayFacts> {
        self.servers.get(cluster).cloned().unwrap_or_default()
    }

    /// The one that has an object of its own, found by its labels.
    fn entry(&mut self, meta: &ObjectMeta) -> Option<&mut ThrowAwayFacts> {
        let labels = meta.labels.as_ref()?;
        let name = labels.get(names::THROW_AWAY)?;
        let cluster = ClusterId {
            namespace: meta.namespace.clone()?,
            name: labels.get(names::CLUSTER)?.clone(),
        };
        let servers = self.servers.entry(cluster).or_default();
        let server = servers
            .entry(name.clone())
            .or_insert_with(|| ThrowAwayFacts::named(name));
        server.made(meta.creation_timestamp.as_ref().map(|it| it.0));
        Some(server)
    }

    fn add_pod(&mut self, pod: &Pod) {
        // It is pod 0 of the cluster that it was.
        let facts = facts_of(pod, Component::Primary, 0, None);
        if let Some(server) = self.entry(&pod.metadata) {
            server.pod = facts;
        }
    }

    fn add_claim(&mut self, claim: &PersistentVolumeClaim) {
        let facts = ThrowAwayClaim {
            name: claim.metadata.name.clone().unwrap_or_default(),
            bytes: claim_bytes(claim),
            deleting_since: claim.metadata.deletion_timestamp.as_ref().map(|it| it.0),
        };
        if let Some(server) = self.entry(&claim.metadata) {
            server.claim = Some(facts);
        }
    }
}

impl Kube {
    /// The throw-away servers of a place, by one list of pods and one of claims, however many clusters are there.
    /// Nothing but their labels leads to them: what finds the pods of a cluster does not find theirs.
    pub async fn throw_aways(&self, place: &NamespaceScope) -> ThrowAwaysFound {
        let (pods, claims) = futures::join!(
            self.all::<Pod>(place, names::THROW_AWAY, "", "pods"),
            self.all::<PersistentVolumeClaim>(
                place,
                names::THROW_AWAY,
                "",
                "persistentvolumeclaims"
            )
        );
        found(pods, claims)
    }
}

/// Of what was listed. Without the pods nobody knows of any server how it is: a claim alone would seem to be left.
fn found(
    pods: Result<Vec<Pod>, KubeError>,
    claims: Result<Vec<PersistentVolumeClaim>, KubeError>,
) -> ThrowAwaysFound {
    let mut found = ThrowAwaysFound::default();
    let pods = match pods {
        Ok(pods) => pods,
        Err(error) => {
            found.unseen = Some(error.to_string());
            return found;
        }
    };
    for pod in &pods {
        found.add_pod(pod);
    }
    match claims {
        Ok(claims) => claims.iter().for_each(|it| found.add_claim(it)),
        Err(error) => found.unseen = Some(error.to_string()),
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn meta(cluster: &str, name: &str, made: &str) -> Value {
        json!({"name": format!("{cluster}-restored-{name}"), "namespace": "n", "uid": "u",
            "creationTimestamp": made,
            "labels": {names::MANAGED_BY: "pgctl", names::CLUSTER: cluster, names::THROW_AWAY: name}})
    }

    fn pod(cluster: &str, name: &str) -> Pod {
        serde_json::from_value(
            json!({"metadata": meta(cluster, name, "2026-03-01T12:00:05Z"),
            "spec": {"containers": [{"name": "postgres"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}),
        )
        .expect("a pod")
    }

    fn claim(cluster: &str, name: &str, status: &Value) -> PersistentVolumeClaim {
        serde_json::from_value(
            json!({"metadata": meta(cluster, name, "2026-03-01T12:00:00Z"),
            "spec": {"resources": {"requests": {"storage": "2Gi"}}}, "status": status}),
        )
        .expect("a claim")
    }

    fn shop() -> ClusterId {
        ClusterId {
            namespace: "n".to_owned(),
            name: "shop".to_owned(),
        }
    }

    fn refused() -> KubeError {
        KubeError::Unexpected {
            doing: "listing".to_owned(),
            reason: "forbidden".to_owned(),
        }
    }

    #[test]
    fn a_pod_and_a_claim_of_one_name_are_one_server_of_their_cluster() {
        let bound = json!({"capacity": {"storage": "3Gi"}});
        let found = found(
            Ok(vec![pod("shop", "look"), pod("other", "look")]),
            Ok(vec![
                claim("shop", "look", &bound),
                claim("shop", "left", &json!({})),
            ]),
        );
        assert_eq!(found.unseen, None);
        let servers = found.of(&shop());
        assert_eq!(servers.len(), 2, "{servers:?}");
        let look = &servers["look"];
        assert!(look.answers());
        assert_eq!(look.claim.as_ref().and_then(|it| it.bytes), Some(3 << 30));
        // Its claim was first.
        let since = look.since.map(|it| it.to_string());
        assert_eq!(since.as_deref(), Some("2026-03-01T12:00:00Z"));
        let left = &servers["left"];
        assert_eq!(left.pod, None);
        // What it asks for, while nobody says what it has.
        assert_eq!(left.claim.as_ref().and_then(|it| it.bytes), Some(2 << 30));
    }

    #[test]
    fn what_could_not_be_listed_is_not_said_to_be_gone() {
        let no_claims = found(Ok(vec![pod("shop", "look")]), Err(refused()));
        assert!(no_claims.unseen.is_some());
        assert_eq!(no_claims.of(&shop())["look"].claim, None);
        let no_pods = found(Err(refused()), Ok(vec![claim("shop", "look", &json!({}))]));
        assert!(no_pods.unseen.is_some());
        assert!(no_pods.of(&shop()).is_empty(), "its pod may well run");
    }
}
