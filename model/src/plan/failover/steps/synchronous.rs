//! The new primary waits for the right standbys from its first commit on.

use super::super::common::confirming;
use super::failover_steps::Steps;
use crate::cluster::synchronous_names;
use crate::plan::language::{Action, Condition, Step, StepName};

impl Steps<'_> {
    /// Set while it is still a standby, where it means nothing: a copy brought the list of another
    /// primary along, which may name the new one itself.
    pub(super) fn synchronous(&self) -> Option<Step> {
        let count = self.snapshot.topology.synchronous?;
        let standbys = confirming(self.situation, self.target, self.comes_back);
        let set = |names: String| Action::SetSynchronous {
            pod: self.to.clone(),
            names,
        };
        let is = |names: String| Condition::Synchronous {
            pod: self.to.clone(),
            names,
            standbys: Vec::new(),
            count: 0,
        };
        let names = synchronous_names(count, &standbys);
        let before = self
            .target
            .facts()
            .map(|facts| facts.settings.synchronous_standby_names.clone())
            .unwrap_or_default();
        Some(
            Step::new(StepName::SetSynchronous, set(names.clone()), is(names)).undo(
                vec![set(before.clone())],
                is(before),
                30,
            ),
        )
    }
}
