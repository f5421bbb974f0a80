//! The end of the old primary, its proof, and the promotion that needs it; and its return.

use super::frame::Frame;
use super::slots::{drop_slots, pod_slots};
use crate::cluster::{Component, Role};
use crate::plan::case::pod_ref;
use crate::plan::{Action, Condition, Mode, Step, StepName, Undo};

/// How long a standby may take to come back after a rewind, in seconds.
const REJOIN_SECONDS: u32 = 300;

impl Frame<'_> {
    pub(super) fn hold(&self) -> Option<Step> {
        let pod = pod_ref(self.old_to_stop()?);
        let release = Action::ReleaseRecord { pod: pod.clone() };
        let released = Condition::RecordReleased { pod: pod.clone() };
        Some(
            Step::new(
                StepName::HoldRecord,
                Action::HoldRecord { pod: pod.clone() },
                Condition::RecordHeld { pod },
            )
            .undo(vec![release], released, 30),
        )
    }

    /// What this operation keeps, or the one that it replaces has kept.
    pub(super) fn release(&self) -> Option<Step> {
        let pod = match self.case.mode {
            Mode::Switchover => pod_ref(self.old_to_stop()?),
            Mode::Emergency => self.case.replaced()?.held.clone()?,
        };
        Some(
            Step::new(
                StepName::ReleaseRecord,
                Action::ReleaseRecord { pod: pod.clone() },
                Condition::RecordReleased { pod },
            )
            .timeout(60),
        )
    }

    /// What proves that the old primary can't accept writes any more.
    pub(super) fn stopped(&self) -> Option<Condition> {
        let old = &self.case.old;
        if *old == self.to {
            return None;
        }
        let Some(instance) = self.case.old_instance() else {
            return Some(Condition::PodAbsent { pod: old.clone() });
        };
        if instance.role() == Role::Standby {
            return Some(Condition::InRecovery { pod: old.clone() });
        }
        let pod = pod_ref(instance);
        match self.case.mode {
            Mode::Switchover => Some(Condition::StoppedCleanly { pod }),
            // The risk was accepted, by name: there is no proof to wait for.
            Mode::Emergency if self.case.request.accept_split_brain_risk => None,
            Mode::Emergency => Some(Condition::Stopped { pod }),
        }
    }

    pub(super) fn stop(&self) -> Option<Step> {
        let in_primary_set = self.case.old_component() == Component::Primary;
        let set = self.old_set()?;
        let to_stop = self.old_to_stop();
        if self.case.old == self.to
            || (to_stop.is_none() && (!in_primary_set || set.wanted == 0))
            || self
                .case
                .old_instance()
                .is_some_and(|it| it.role() == Role::Standby)
        {
            return None;
        }
        let action = match to_stop {
            Some(instance) if !in_primary_set => Action::DeletePod {
                pod: pod_ref(instance),
            },
            _ => Action::Scale {
                stateful_set: set.name.clone(),
                replicas: 0,
            },
        };
        let proves = self.stopped().unwrap_or(match &action {
            Action::Scale { stateful_set, .. } => Condition::Scaled {
                stateful_set: stateful_set.clone(),
                replicas: 0,
            },
            _ => Condition::Answered,
        });
        let mut step = Step::new(StepName::StopPrimary, action, proves)
            .timeout(self.case.request.stop_timeout_seconds);
        // From the fence on the old primary can't come back as one: never stop it without.
        step.requires.extend(self.fenced());
        step.undo = self.restart();
        Some(step)
    }

    /// How a stopped primary is brought back.
    pub(super) fn restart(&self) -> Undo {
        let mut actions = Vec::new();
        if let (Mode::Switchover, Some(old)) = (self.case.mode, self.old_to_stop()) {
            actions.push(Action::ReleaseRecord { pod: pod_ref(old) });
        }
        let unfence = self.unfence();
        actions.extend(unfence.iter().map(|(action, _)| action.clone()));
        let scaled_down = self.case.old_component() == Component::Primary;
        let mut proves = unfence.map(|(_, condition)| condition);
        if let Some(set) = self.old_set().filter(|_| scaled_down) {
            actions.push(Action::Scale {
                stateful_set: set.name.clone(),
                replicas: set.wanted,
            });
            proves.get_or_insert(Condition::Scaled {
                stateful_set: set.name.clone(),
                replicas: set.wanted,
            });
        }
        let writable = Condition::Writable {
            pod: self.case.old.clone(),
        };
        Undo::Actions {
            actions,
            proves: match self.case.mode {
                Mode::Switchover => writable,
                // It did not run before either.
                Mode::Emergency => proves.unwrap_or(Condition::Answered),
            },
            timeout_seconds: 300,
        }
    }

    pub(super) fn promote(&self) -> Step {
        let mut step = Step::new(
            StepName::Promote,
            Action::Promote {
                pod: self.to.clone(),
            },
            Condition::Writable {
                pod: self.to.clone(),
            },
        )
        .timeout(60)
        .point_of_no_return();
        step.requires.extend(self.fenced());
        if self.config_map.is_none() {
            step.requires
                .push(self.scale_old_to_zero(StepName::Fence).proves);
        }
        step.requires.extend(self.stopped());
        if self.must_catch_up() {
            step.requires.push(Condition::CaughtUp {
                pod: self.to.clone(),
            });
        }
        step.requires.push(Condition::InRecovery {
            pod: self.to.clone(),
        });
        step
    }

    pub(super) fn rejoin(&self) -> Vec<Step> {
        if !self.comes_back {
            return Vec::new();
        }
        let old = self.case.old.clone();
        let action = match self.old_set() {
            Some(set) if set.component == Component::Primary => Action::Scale {
                stateful_set: set.name.clone(),
                replicas: 1,
            },
            _ => Action::Observe,
        };
        let back = Step::new(
            StepName::Rejoin,
            action,
            Condition::Back {
                upstream: self.to.clone(),
                pod: old.clone(),
            },
        )
        .requires(Condition::Writable {
            pod: self.to.clone(),
        })
        .timeout(REJOIN_SECONDS)
        .reported();
        vec![
            back,
            drop_slots(StepName::DropStaleSlots, &old, pod_slots(self.snapshot)),
        ]
    }
}
