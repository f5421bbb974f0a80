//! Commits wait for standbys again, once there are standbys to wait for.

use super::volume_restore::VolumeRestore;
use crate::cluster::{
    Instance, Shape, synchronous_candidates, synchronous_names, synchronous_needed,
};
use crate::plan::common::remembered_minimum;
use crate::plan::language::{Action, Check, CheckName, Condition, Step, StepName};

impl VolumeRestore<'_> {
    /// What becomes of synchronous replication. The restored primary starts without: no standby is
    /// there that could confirm a commit.
    pub(super) fn synchronous(&self) -> Option<Check> {
        let name = CheckName::Synchronous;
        let (count, standbys) = (self.wished(), self.confirming());
        if count == 0 {
            return None;
        }
        Some(if self.are_enough() {
            Check::warn(
                name,
                format!(
                    "commits wait for no standby until the replicas follow, and then for {count} of {} again",
                    standbys.join(", ")
                ),
            )
        } else {
            Check::warn(
                name,
                format!(
                    "commits will wait for no standby: they waited for {count}, and {} will stay",
                    standbys.len()
                ),
            )
            .next("pgctl sync set when there are enough")
        })
    }

    pub(super) fn set_synchronous(&self) -> Option<Step> {
        let count = self.wished();
        if count == 0 || !self.are_enough() {
            return None;
        }
        let standbys = self.confirming();
        let names = synchronous_names(count, &standbys);
        let streaming = Condition::Streaming {
            upstream: self.target.clone(),
            pods: standbys.clone(),
        };
        let set = Action::SetSynchronous {
            pod: self.target.clone(),
            names: names.clone(),
        };
        let confirmed = Condition::Synchronous {
            pod: self.target.clone(),
            names,
            standbys,
            count,
        };
        Some(
            Step::new(StepName::SetSynchronous, set, confirmed)
                .requires(streaming)
                .timeout(60)
                .reported(),
        )
    }

    /// For how many standbys commits are to wait: what was recorded; else what the primary does.
    fn wished(&self) -> u32 {
        let recorded = self.situation.snapshot.topology.synchronous;
        recorded.unwrap_or_else(|| {
            let facts = self.old.and_then(Instance::facts);
            facts.map_or(0, |it| {
                synchronous_needed(&it.settings.synchronous_standby_names)
            })
        })
    }

    /// The standbys that stay when the autoscaler has its own minimum back.
    fn confirming(&self) -> Vec<String> {
        let snapshot = self.situation.snapshot;
        let mut shape = Shape::of(snapshot);
        shape.minimum = remembered_minimum(snapshot).or(shape.minimum);
        synchronous_candidates(snapshot, &shape, &self.target)
    }

    fn are_enough(&self) -> bool {
        self.confirming().len() >= self.wished() as usize
    }
}
