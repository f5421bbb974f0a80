//! Volumes that would go with their pods.

use crate::cluster::{Snapshot, StatefulSetFacts};
use crate::plan::language::{Check, CheckName};

/// A StatefulSet that is to be scaled down, and would take the data of its pods along.
pub(crate) fn volumes_go<'a>(
    snapshot: &Snapshot,
    sets: impl IntoIterator<Item = &'a StatefulSetFacts>,
) -> Option<Check> {
    let deleting: Vec<&str> = sets
        .into_iter()
        .filter(|it| it.deletes_claims)
        .map(|it| it.name.as_str())
        .collect();
    let first = deleting.first()?;
    let check = Check::refuse(
        CheckName::Volume,
        format!(
            "it is scaled down, and deletes the volumes of pods that are scaled away (whenScaled: Delete): {}",
            deleting.join(", ")
        ),
    );
    Some(check.next(format!(
        r#"kubectl -n {} patch statefulset {first} --type merge -p '{{"spec":{{"persistentVolumeClaimRetentionPolicy":{{"whenScaled":"Retain"}}}}}}'"#,
        snapshot.cluster.namespace
    )))
}
