//! The checks of a change of the number of pods.

use super::scale_situation::Situation;
use crate::cluster::{Component, VolumeFacts, slot_name};
use crate::plan::language::{Check, CheckName};

/// Walsenders that the copy of a new standby needs: one for the files, one for the WAL meanwhile.
const WALSENDERS_OF_A_COPY: u32 = 2;

impl Situation<'_> {
    pub(super) fn checks(&self) -> Vec<Check> {
        let mut checks = vec![self.walsenders(), self.slots(), self.base_backup()];
        checks.extend(self.volumes());
        checks.extend(self.nothing_left());
        checks
    }

    fn walsenders(&self) -> Check {
        let name = CheckName::Walsenders;
        let limit = self
            .primary
            .facts()
            .map_or(0, |it| it.settings.max_wal_senders);
        let taken = self.primary.facts().map_or(0, |it| it.walsenders_taken());
        let new = self.request.replicas.saturating_sub(self.set.wanted);
        let needed = u32::try_from(taken).unwrap_or(u32::MAX) + new * WALSENDERS_OF_A_COPY;
        let words = format!("{needed} of {limit} walsenders of {}", self.primary.name());
        if new == 0 {
            Check::pass(name, "no new ones are needed")
        } else if needed > limit {
            Check::refuse(
                name,
                format!("{words} would be needed while the data is copied"),
            )
            .next("raise max_wal_senders and restart, or add fewer at a time")
        } else {
            Check::pass(name, format!("{words} are needed while the data is copied"))
        }
    }

    fn slots(&self) -> Check {
        let name = CheckName::Slots;
        let (limit, there) = self.primary.facts().map_or((0, 0), |it| {
            (it.settings.max_replication_slots, it.slots.len())
        });
        let missing = self
            .awaited()
            .iter()
            .filter(|pod| {
                let slot = slot_name(pod);
                self.primary
                    .facts()
                    .is_some_and(|facts| facts.slots.iter().all(|it| it.name != slot))
            })
            .count();
        let needed = there + missing;
        let words = format!("{needed} of {limit} slots of {}", self.primary.name());
        if !self.request.wait && !self.slots_beyond().is_empty() {
            return Check::warn(
                name,
                "with --no-wait the slots of the pods that go stay, and hold WAL",
            )
            .next(format!(
                "pgctl scale {} once more drops them",
                self.request.replicas
            ));
        }
        if missing > 0 && needed > limit as usize {
            Check::refuse(name, format!("{words} would be needed"))
                .next("drop slots that nobody uses, or raise max_replication_slots and restart")
        } else {
            Check::pass(name, format!("{words} will be used"))
        }
    }

    /// A backup that is taken from a pod that goes.
    fn base_backup(&self) -> Check {
        let name = CheckName::BaseBackup;
        let cut: Vec<String> = self
            .going()
            .iter()
            .filter(|it| {
                it.facts()
                    .is_some_and(|facts| !facts.base_backups.is_empty())
            })
            .map(|it| it.name().to_owned())
            .collect();
        if cut.is_empty() {
            Check::pass(name, "none would be cut off")
        } else {
            Check::refuse(
                name,
                format!("a base backup is being taken from {}", cut.join(", ")),
            )
            .next("wait until it is done")
        }
    }

    fn volumes(&self) -> Option<Check> {
        let name = CheckName::Volume;
        let words = |volumes: Vec<&VolumeFacts>| -> String {
            let each: Vec<&str> = volumes.iter().map(|it| it.claim.as_str()).collect();
            each.join(", ")
        };
        let beyond: Vec<&VolumeFacts> = self.volumes_beyond().collect();
        let left: Vec<&VolumeFacts> = self.left_over().collect();
        if !beyond.is_empty() && self.set.deletes_claims && !self.grows() {
            return Some(Check::warn(
                name,
                format!(
                    "{} deletes them with their data (whenScaled: Delete): {}",
                    self.set.name,
                    words(beyond)
                ),
            ));
        }
        if !beyond.is_empty() && self.request.delete_volumes {
            return Some(Check::warn(
                name,
                format!("will be deleted with their data: {}", words(beyond)),
            ));
        }
        if !left.is_empty() && self.grows() {
            let claims = words(left);
            return Some(match self.request.wait {
                true => Check::warn(
                    name,
                    format!(
                        "left over from before: {claims}; what can't follow any more is rewound, or replaced by a fresh copy"
                    ),
                ),
                false => Check::warn(
                    name,
                    format!(
                        "left over from before: {claims}; with --no-wait nobody sees to it that they can still be used"
                    ),
                ),
            });
        }
        (!beyond.is_empty()).then(|| {
            Check::pass(name, format!("stay behind: {}", words(beyond)))
                .next("--delete-volumes deletes them")
        })
    }

    fn nothing_left(&self) -> Option<Check> {
        let others = self
            .snapshot
            .standbys()
            .filter(|it| {
                it.pod.component == Component::Primary || it.pod.ordinal < self.request.replicas
            })
            .count();
        (others == 0 && self.request.replicas < self.set.wanted).then(|| {
            Check::warn(
                CheckName::Followers,
                "no standby will be left: there is nothing to fail over to",
            )
        })
    }
}
