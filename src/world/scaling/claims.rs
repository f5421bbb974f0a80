//! Claims on their way out. One that is being deleted is there, and so is what it holds, until the
//! last finalizer is taken off it: a pod that has it, a snapshot that is being taken.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::engine::WorldError;
use crate::plan::ClaimRef;
use crate::world::cluster::Live;

/// The finalizer of a claim that a pod has (`pkg/volume/util/finalizer.go` of Kubernetes).
const IN_USE: &str = "kubernetes.io/pvc-protection";

impl Live {
    async fn claim_now(&self, claim: &str) -> Result<Option<ObjectMeta>, WorldError> {
        let now: Option<PersistentVolumeClaim> = self.kube.get(self.namespace(), claim).await?;
        Ok(now.map(|it| it.metadata))
    }

    /// Whether the claim of before is gone; who holds it is the reason why not.
    pub(in crate::world) async fn claim_is_gone(
        &self,
        claim: &str,
        created: Option<Timestamp>,
        uid: Option<&str>,
    ) -> Result<bool, WorldError> {
        let Some(now) = self.claim_now(claim).await? else {
            return Ok(true);
        };
        if !is_that(&now, created, uid) {
            return Ok(true);
        }
        // Planned before UIDs were noted, with the pod that has it still there.
        if uid.is_none() && now.deletion_timestamp.is_some() {
            return Ok(true);
        }
        Err(held(claim, &now))
    }

    /// Whether the claim of before goes as soon as nobody holds it any more.
    pub(in crate::world) async fn claim_ends(
        &self,
        claim: &str,
        uid: Option<&str>,
    ) -> Result<bool, WorldError> {
        let now = self.claim_now(claim).await?;
        Ok(now.is_none_or(|it| it.deletion_timestamp.is_some() || it.uid.as_deref() != uid))
    }

    /// Whether there is a claim of this name that is not the one of before.
    pub(in crate::world) async fn claim_is_replaced(
        &self,
        claim: &str,
        uid: Option<&str>,
    ) -> Result<bool, WorldError> {
        match self.claim_now(claim).await? {
            Some(now) if now.uid.as_deref() == uid => Err(held(claim, &now)),
            Some(now) => Ok(now.deletion_timestamp.is_none()),
            None => Err(WorldError::transient(format!(
                "the old claim {claim} is gone, and its StatefulSet has not made the new one yet"
            ))),
        }
    }

    pub(in crate::world) async fn claims_gone(
        &self,
        claims: &[ClaimRef],
    ) -> Result<bool, WorldError> {
        for it in claims {
            if let Some(now) = self.claim_now(&it.claim).await?
                && is_that(&now, it.created, it.uid.as_deref())
            {
                return Err(held(&it.claim, &now));
            }
        }
        Ok(true)
    }
}

/// Whether this is the claim of before: by its UID, or when it was made where that was not noted.
fn is_that(now: &ObjectMeta, created: Option<Timestamp>, uid: Option<&str>) -> bool {
    match uid {
        Some(uid) => now.uid.as_deref() == Some(uid),
        None => now.creation_timestamp.as_ref().map(|time| time.0) == created,
    }
}

/// Why it is still there.
fn held(claim: &str, now: &ObjectMeta) -> WorldError {
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
        "the claim {claim} is still being deleted, {by}; what is in it is there until then: kubectl describe pvc {claim}"
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
            held("data-x", &claim(meta)).reason
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
