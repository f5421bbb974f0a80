//! The autoscaler must not delete a primary.

use super::frame::Frame;
use crate::cluster::{Component, Snapshot};
use crate::plan::candidate::needs_guard;
use crate::plan::{Action, Condition, Step, StepName};

/// Annotation of the autoscaler: its `minReplicas` before pgctl raised it.
pub const ORIGINAL_MINIMUM: &str = "pgctl.io/original-min-replicas";

impl Frame<'_> {
    pub(super) fn guard(&self) -> Option<Step> {
        let autoscaler = self.snapshot.autoscaler.as_ref()?;
        if !needs_guard(self.case, self.target) {
            return None;
        }
        let remembered = remembered_minimum(self.snapshot);
        let minimum = self.target.pod.ordinal + 1;
        let set = |minimum, remember| Action::SetAutoscalerMinimum {
            autoscaler: autoscaler.name.clone(),
            minimum,
            remember,
        };
        let holds = |minimum| Condition::AutoscalerMinimum {
            autoscaler: autoscaler.name.clone(),
            minimum,
        };
        Some(
            Step::new(
                StepName::GuardAutoscaler,
                set(minimum, remembered.or(Some(autoscaler.min))),
                holds(minimum),
            )
            .undo(
                vec![set(autoscaler.min, remembered)],
                holds(autoscaler.min),
                30,
            ),
        )
    }

    pub(super) fn restore_autoscaler(&self) -> Option<Step> {
        let autoscaler = self.snapshot.autoscaler.as_ref()?;
        let minimum = remembered_minimum(self.snapshot)?;
        let safe =
            self.target.pod.component == Component::Primary || self.target.pod.ordinal < minimum;
        safe.then(|| give_back_minimum(&autoscaler.name, minimum))
    }
}

/// The minimum that an earlier failover has remembered.
pub(crate) fn remembered_minimum(snapshot: &Snapshot) -> Option<u32> {
    let annotations = &snapshot.autoscaler.as_ref()?.annotations;
    annotations.get(ORIGINAL_MINIMUM)?.parse().ok()
}

/// Gives an autoscaler back the minimum that was remembered.
pub(crate) fn give_back_minimum(autoscaler: &str, minimum: u32) -> Step {
    Step::new(
        StepName::RestoreAutoscaler,
        Action::SetAutoscalerMinimum {
            autoscaler: autoscaler.to_owned(),
            minimum,
            remember: None,
        },
        Condition::AutoscalerMinimum {
            autoscaler: autoscaler.to_owned(),
            minimum,
        },
    )
    .reported()
}
