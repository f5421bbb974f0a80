//! Both StatefulSets to 0.

use super::volume_restore::{START_SECONDS, STOP_SECONDS, VolumeRestore};
use crate::cluster::{Component, StatefulSetFacts};
use crate::plan::language::{Action, Condition, PodRef, Step, StepName, VolumeCondition};

impl VolumeRestore<'_> {
    /// Both StatefulSets to 0, the one with the primary last, and proof that nothing runs.
    pub(super) fn stop(&self) -> Vec<Step> {
        let replicas = self
            .replica_set
            .and_then(|set| self.stop_set(StepName::StopReplicas, set));
        let primary = self.stop_set(StepName::StopPrimary, self.primary_set);
        let in_replicas = self
            .old
            .is_some_and(|old| old.pod.component == Component::Replica);
        let both = if in_replicas {
            [primary, replicas]
        } else {
            [replicas, primary]
        };
        both.into_iter().flatten().collect()
    }

    fn stop_set(&self, name: StepName, set: &StatefulSetFacts) -> Option<Step> {
        let pods = self.pods(set);
        if set.wanted == 0 && pods.is_empty() {
            return None;
        }
        let scale = |replicas| Action::Scale {
            stateful_set: set.name.clone(),
            replicas,
        };
        let lives_here = self
            .old
            .filter(|old| old.pod.component == set.component)
            .map(|old| PodRef::of(old).name);
        let back = match lives_here {
            Some(pod) => Condition::Writable { pod },
            None => Condition::Scaled {
                stateful_set: set.name.clone(),
                replicas: set.wanted,
            },
        };
        Some(
            Step::new(
                name,
                scale(0),
                Condition::from(VolumeCondition::PodsGone { pods }),
            )
            .timeout(STOP_SECONDS)
            .undo(vec![scale(set.wanted)], back, START_SECONDS),
        )
    }
}
