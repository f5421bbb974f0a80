//! Which data is kept, and which is only a copy.

use super::volume_restore::{VolumeRestore, handle};
use crate::cluster::{DatabaseFacts, VolumeFacts};
use crate::plan::language::{Check, CheckName, ClaimRef, KeptData, VolumeHandle};

/// A claim that was never bound has no volume, and so no data.
const NEVER_BOUND: &str = "Pending";

/// A claim whose volume does not exist any more.
const LOST: &str = "Lost";

impl<'a> VolumeRestore<'a> {
    /// The other volumes whose data may be the only copy: all of those of which nobody has seen
    /// that the primary has it, too.
    pub(super) fn others_to_keep(&self) -> Vec<VolumeHandle> {
        self.others()
            .filter(|it| ![NEVER_BOUND, LOST].contains(&it.phase.as_str()))
            .filter(|it| !self.is_copy(it))
            .filter_map(|it| {
                let set = self.situation.snapshot.stateful_set(it.component)?;
                Some(handle(&it.pod, &it.claim, &set.name))
            })
            .collect()
    }

    /// The claims of copies that are made anew, as they were when that was seen.
    pub(super) fn claims_to_renew(&self) -> Vec<ClaimRef> {
        self.others()
            .filter(|it| self.is_copy(it))
            .map(|it| ClaimRef {
                claim: it.claim.clone(),
                pod: it.pod.clone(),
                created: it.created,
                uid: it.uid.clone(),
            })
            .collect()
    }

    /// Claims whose volume is gone: there is nothing that could be kept.
    pub(super) fn lost(&self) -> Vec<&'a str> {
        self.others()
            .filter(|it| it.phase == LOST)
            .map(|it| it.claim.as_str())
            .collect()
    }

    /// Claims that somebody has deleted and that are still held: no pod can be given one.
    pub(super) fn ending(&self) -> Option<Check> {
        let name = CheckName::Volume;
        let ends = |it: &&VolumeFacts| it.deleting_since.is_some();
        if let Some(target) = self.claim().filter(ends) {
            return Some(
                Check::refuse(
                    name,
                    format!(
                        "the claim {} is being deleted: nothing can be restored into it, and what it holds goes with it",
                        target.claim
                    ),
                )
                .next(format!(
                    "wait until it is gone; who holds it: kubectl -n {} describe pvc {}",
                    self.situation.snapshot.cluster.namespace, target.claim
                )),
            );
        }
        let others: Vec<&str> = self
            .others()
            .filter(ends)
            .map(|it| it.claim.as_str())
            .collect();
        (!others.is_empty()).then(|| {
            Check::warn(
                name,
                format!(
                    "being deleted, and what they hold with them, which is not kept: {}",
                    others.join(", ")
                ),
            )
        })
    }

    pub(super) fn keeps(&self) -> Vec<KeptData> {
        let target = self.claim().map(|it| it.claim.clone());
        let others = self.others_to_keep().into_iter().map(|it| it.claim);
        target
            .into_iter()
            .chain(others)
            .map(|claim| KeptData {
                claim,
                directory: self.aside.clone(),
            })
            .collect()
    }

    fn others(&self) -> impl Iterator<Item = &'a VolumeFacts> {
        let target = &self.volume.claim;
        let volumes = self.situation.snapshot.volumes.iter();
        volumes.filter(move |it| it.claim != *target)
    }

    /// Whether this data was seen to be a copy of what the primary has, whose own data is kept: its
    /// pod streams from that primary, both of them say so, and they are one system on one timeline.
    /// A standby that waits or is stopped, or a claim that no pod uses, may hold what nobody else
    /// has: commits from before an emergency, or all of it when the primary came up empty.
    fn is_copy(&self, volume: &VolumeFacts) -> bool {
        let Some(old) = self.old else { return false };
        let copy = self
            .situation
            .snapshot
            .instance(&volume.pod)
            .filter(|it| it.pod.claim.as_ref() == Some(&volume.claim));
        let (Some(copy), Some(original)) = (copy, old.facts()) else {
            return false;
        };
        let streams = |facts: &DatabaseFacts| {
            let recovery = facts.recovery.as_ref();
            recovery
                .and_then(|it| it.receiver.as_ref())
                .is_some_and(|it| it.is_streaming() && it.timeline == original.timeline)
        };
        let is_sent = original.streams_to(copy.name());
        is_sent
            && copy.facts().is_some_and(|facts| {
                facts.system_identifier == original.system_identifier
                    && facts.timeline == original.timeline
                    && streams(facts)
            })
    }
}
