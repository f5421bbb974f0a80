//! The fence, and how it is taken back.

use super::failover_steps::Steps;
use crate::plan::language::{Action, Condition, Mode, Step, StepName};

impl Steps<'_> {
    /// The topology as it was, under a term that beats the fence.
    pub(super) fn unfence(&self) -> Option<(Action, Condition)> {
        let config_map = self.config_map.clone()?;
        // Back to the pod that is primary, not to what a stale record says.
        let primary = self.situation.old.clone();
        let term = self.term + 1;
        let mut before = self.snapshot.topology.clone();
        before.primary.clone_from(&primary);
        Some((
            Action::restore_topology(&config_map, &before, term, &self.system_identifier),
            Condition::Topology {
                config_map,
                primary,
                term,
            },
        ))
    }

    pub(super) fn fenced(&self) -> Option<Condition> {
        Some(Condition::Topology {
            config_map: self.config_map.clone()?,
            primary: self.to.clone(),
            term: self.term,
        })
    }

    pub(super) fn fence(&self) -> Step {
        let (Some(config_map), Some((restore, restored))) =
            (self.config_map.clone(), self.unfence())
        else {
            // Without a topology the fence is the StatefulSet at 0.
            let mut step = self.scale_old_to_zero(StepName::Fence);
            step.requires.extend(self.fit(false));
            step.requires.extend(self.still_an_emergency());
            step.requires.extend(self.clients_moved());
            return step;
        };
        let owing = self.owing();
        let mut step = Step::new(
            StepName::Fence,
            Action::WriteTopology {
                config_map: config_map.clone(),
                primary: self.to.clone(),
                term: self.term,
                system_identifier: self.system_identifier.clone(),
                unproven: owing.clone(),
            },
            Condition::Fenced {
                config_map,
                primary: self.to.clone(),
                term: self.term,
                pods: owing,
            },
        )
        .requires(Condition::InRecovery {
            pod: self.to.clone(),
        })
        .undo(vec![restore], restored, 30);
        step.requires.extend(self.still_an_emergency());
        step
    }

    /// Names of those who could accept writes until their end is proven: the old primary, and in an
    /// emergency whoever an earlier operation has left behind so.
    pub(super) fn owing(&self) -> Vec<String> {
        let old = (self.situation.old != self.to && !self.old_is_standby())
            .then(|| self.situation.old.clone());
        let before = self.unproven().map(|(name, _)| name.to_owned());
        old.into_iter().chain(before).collect()
    }

    /// Between the look and the fence, while somebody reads and confirms, the old primary may have
    /// come back, or another who was one.
    fn still_an_emergency(&self) -> Vec<Condition> {
        if self.situation.mode != Mode::Emergency {
            return Vec::new();
        }
        let owing = self.owing().into_iter();
        owing
            .map(
                |pod| match self.situation.is_blind() && pod == self.situation.old {
                    true => Condition::Unanswering { pod },
                    false => Condition::NotWritable { pod },
                },
            )
            .collect()
    }

    pub(super) fn scale_old_to_zero(&self, name: StepName) -> Step {
        let set = self.old_set().map(|set| (set.name.clone(), set.wanted));
        let (stateful_set, before) = set.unwrap_or_default();
        let scale = |replicas| Action::Scale {
            stateful_set: stateful_set.clone(),
            replicas,
        };
        let scaled = |replicas| Condition::Scaled {
            stateful_set: stateful_set.clone(),
            replicas,
        };
        Step::new(name, scale(0), scaled(0)).undo(vec![scale(before)], scaled(before), 30)
    }
}
