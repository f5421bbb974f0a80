//! Claims on their way out. One that is being deleted is there, and so is what it holds, until the
//! last finalizer is taken off it: a pod that has it, a snapshot that is being taken.

use futures::future::try_join_all;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::engine::WorldError;
use crate::plan::ClaimRef;
use crate::world::connections::Connections;

/// Why a claim is in use.
enum Use {
    /// Its StatefulSet wants the pod that it belongs to.
    Wanted { replicas: i32 },
    /// The pod is there, and about to go.
    Leaving,
}

/// The finalizer of a claim that a pod has (`pkg/volume/util/finalizer.go` of Kubernetes).
const IN_USE: &str = "kubernetes.io/pvc-protection";

async fn claim_now(cluster: &Connections, claim: &str) -> Result<Option<ObjectMeta>, WorldError> {
    let now: Option<PersistentVolumeClaim> = cluster.kube.get(cluster.namespace(), claim).await?;
    Ok(now.map(|it| it.metadata))
}

/// Whether the claim of before is gone; who holds it is the reason why not.
pub(in crate::world) async fn claim_is_gone(
    cluster: &Connections,
    claim: &str,
    created: Option<Timestamp>,
    uid: Option<&str>,
) -> Result<bool, WorldError> {
    let Some(now) = claim_now(cluster, claim).await? else {
        return Ok(true);
    };
    if !is_that(&now, created, uid) {
        return Ok(true);
    }
    // Planned before UIDs were noted, with the pod that has it still there.
    if uid.is_none() && now.deletion_timestamp.is_some() {
        return Ok(true);
    }
    Err(held(cluster.namespace(), claim, &now))
}

/// Whether the claim of before goes as soon as nobody holds it any more.
pub(in crate::world) async fn claim_ends(
    cluster: &Connections,
    claim: &str,
    uid: Option<&str>,
) -> Result<bool, WorldError> {
    let now = claim_now(cluster, claim).await?;
    Ok(now.is_none_or(|it| it.deletion_timestamp.is_some() || it.uid.as_deref() != uid))
}

/// Whether there is a claim of this name that is not the one of before.
pub(in crate::world) async fn claim_is_replaced(
    cluster: &Connections,
    claim: &str,
    uid: Option<&str>,
) -> Result<bool, WorldError> {
    match claim_now(cluster, claim).await? {
        Some(now) if now.uid.as_deref() == uid => Err(held(cluster.namespace(), claim, &now)),
        Some(now) => Ok(now.deletion_timestamp.is_none()),
        None => Err(WorldError::transient(format!(
            "the old claim {claim} is gone, and its StatefulSet has not made the new one yet"
        ))),
    }
}

pub(in crate::world) async fn claims_gone(
    cluster: &Connections,
    claims: &[ClaimRef],
) -> Result<bool, WorldError> {
    for it in claims {
        if let Some(now) = claim_now(cluster, &it.claim).await?
            && is_that(&now, it.created, it.uid.as_deref())
        {
            return Err(held(cluster.namespace(), &it.claim, &now));
        }
    }
    Ok(true)
}

/// Whether nobody has any of the claims. A pod that is to have one does not go by itself: that
/// is an error.
pub(in crate::world) async fn claims_unused(
    cluster: &Connections,
    claims: &[ClaimRef],
) -> Result<bool, WorldError> {
    let uses = try_join_all(claims.iter().map(|it| use_of(cluster, it))).await?;
    let kept = claims.iter().zip(&uses).find_map(|(it, used)| match used {
        Some(Use::Wanted { replicas }) => Some((it, replicas)),
        _ => None,
    });
    match kept {
        Some((it, replicas)) => Err(WorldError::permanent(format!(
            "{} belongs to {} again: {replicas} pods are wanted now",
            it.claim, it.pod
        ))),
        None => Ok(uses.iter().all(Option::is_none)),
    }
}

/// Who has a claim, or will get it; none when nobody does.
async fn use_of(cluster: &Connections, claim: &ClaimRef) -> Result<Option<Use>, WorldError> {
    let (set, ordinal) = claim
        .pod
        .rsplit_once('-')
        .and_then(|(set, tail)| Some((set, tail.parse::<i32>().ok()?)))
        .ok_or_else(|| WorldError::permanent(format!("whose {} is, is not known", claim.claim)))?;
    let now: Option<StatefulSet> = cluster.kube.get(cluster.namespace(), set).await?;
    let wanted = now.map_or(0, |it| it.spec.and_then(|it| it.replicas).unwrap_or(1));
    if wanted > ordinal {
        return Ok(Some(Use::Wanted { replicas: wanted }));
    }
    // After the number: a pod that is there although nobody wants it is on its way out.
    let pod = cluster.kube.pod(cluster.namespace(), &claim.pod).await?;
    Ok(pod.map(|_| Use::Leaving))
}

/// Deletes the claim of before, when it is that one still.
pub(in crate::world) async fn delete_claim(
    cluster: &Connections,
    claim: &str,
    created: Option<Timestamp>,
) -> Result<(), WorldError> {
    let now: Option<PersistentVolumeClaim> = cluster.kube.get(cluster.namespace(), claim).await?;
    let Some(now) = now else { return Ok(()) };
    if now.metadata.creation_timestamp.as_ref().map(|time| time.0) != created {
        return Ok(());
    }
    let uid = now.metadata.uid.as_deref();
    cluster
        .kube
        .delete_claim(cluster.namespace(), claim, uid)
        .await?;
    Ok(())
}

/// Deletes claims that nobody has.
pub(in crate::world) async fn delete_unused(
    cluster: &Connections,
    claims: &[ClaimRef],
) -> Result<(), WorldError> {
    for it in claims {
        if !claims_unused(cluster, std::slice::from_ref(it)).await? {
            let words = format!("{} is still there, and has {}", it.pod, it.claim);
            return Err(WorldError::permanent(words));
        }
        delete_claim(cluster, &it.claim, it.created).await?;
    }
    Ok(())
}

/// Whether this is the claim of before: by its UID, or when it was made where that was not noted.
fn is_that(now: &ObjectMeta, created: Option<Timestamp>, uid: Option<&str>) -> bool {
    match uid {
        Some(uid) => now.uid.as_deref() == Some(uid),
        None => now.creation_timestamp.as_ref().map(|time| time.0) == created,
    }
}

/// Why it is still there.
fn held(namespace: &str, claim: &str, now: &ObjectMeta) -> WorldError {
    if now.deletion_timestamp.is_none() {
        return WorldError::transient(format!("the claim {claim} is not deleted"));
    }
    let finalizers = now.finalizers.clone().unwrap_or_default();
    let others: Vec<&str> = finalizers
        .iter()
        .map(String::as_str)
        .filter(|it| *it != IN_USE)
        .collect();
    let by = match (others.as_slice(), finalizers.is_empty()) {
        ([], true) => "and nobody holds it any more".to_owned(),
        ([], false) => "and a pod still has it".to_owned(),
        (several, _) => format!(
            "held by {} (its finalizers): whoever has set them has not finished",
            several.join(", ")
        ),
    };
    WorldError::transient(format!(
        "the claim {claim} is still being deleted, {by}; what is in it is there until then: kubectl -n {namespace} describe pvc {claim}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claim(value: serde_json::Value) -> ObjectMeta {
        serde_json::from_value(value).expect("metadata")
    }

    #[test]
    fn who_holds_a_claim_is_named() {
        let since = "2026-01-01T00:00:00Z";
        let held = |finalizers: &[&str]| {
            let meta = json!({"deletionTimestamp": since, "finalizers": finalizers});
            held("shop", "data-x", &claim(meta)).reason
        };
        let snapshot = "snapshot.storage.kubernetes.io/pvc-as-source-protection";
        assert!(held(&[snapshot, IN_USE]).contains(&format!("held by {snapshot} (")));
        assert!(held(&[IN_USE]).contains("a pod still has it"));
    }

    #[test]
    fn a_claim_is_told_from_another_by_its_uid_and_else_by_its_age() {
        let time = "2026-01-01T00:00:00Z";
        let now = claim(json!({"uid": "b", "creationTimestamp": time}));
        let created = now.creation_timestamp.as_ref().map(|it| it.0);
        assert!(is_that(&now, created, Some("b")));
        assert!(
            !is_that(&now, created, Some("a")),
            "made in the same second"
        );
        assert!(is_that(&now, created, None));
    }
}
