//! The new primary waits for the right standbys from its first commit on.

use super::autoscaler::remembered_minimum;
use super::frame::Frame;
use crate::cluster::{Component, Instance, Shape, synchronous_candidates, synchronous_names};
use crate::plan::candidate::needs_guard;
use crate::plan::case::Case;
use crate::plan::{Action, Condition, Step, StepName};

impl Frame<'_> {
    /// Set while it is still a standby, where it means nothing: a copy brought the list of another
    /// primary along, which may name the new one itself.
    pub(super) fn synchronous(&self) -> Option<Step> {
        let count = self.snapshot.topology.synchronous?;
        let standbys = confirming(self.case, self.target, self.comes_back);
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

/// The pods that may confirm commits on the new primary.
pub(crate) fn confirming(case: &Case<'_>, target: &Instance, comes_back: bool) -> Vec<String> {
    let mut shape = Shape::of(case.snapshot);
    if case.old_component() == Component::Primary && case.old != target.name() {
        shape.primary_pods = u32::from(comes_back);
    }
    shape.minimum = shape.minimum.map(|minimum| {
        if needs_guard(case, target) {
            target.pod.ordinal + 1
        } else {
            // A failback gives the minimum back that an earlier failover has raised.
            remembered_minimum(case.snapshot)
                .filter(|it| target.pod.component == Component::Primary || target.pod.ordinal < *it)
                .unwrap_or(minimum)
        }
    });
    synchronous_candidates(case.snapshot, &shape, target.name())
}
