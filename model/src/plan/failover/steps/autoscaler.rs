//! The autoscaler must not delete a primary.

use super::super::common::needs_guard;
use super::failover_steps::Steps;
use crate::cluster::Component;
use crate::plan::common::{give_back_minimum, remembered_minimum};
use crate::plan::language::{Action, Condition, Step, StepName};

impl Steps<'_> {
    pub(super) fn guard(&self) -> Option<Step> {
        let autoscaler = self.snapshot.autoscaler.as_ref()?;
        if !needs_guard(self.situation, self.target) {
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
