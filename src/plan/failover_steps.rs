//! The steps of a failover, in their order.

use super::candidate::needs_guard;
use super::case::{Case, pod_ref};
use super::selector::write_selector;
use super::{Action, Condition, Follower, Mode, Step, StepName, Undo};
use crate::cluster::{
    Component, Instance, Role, ServicePurpose, SlotKind, Snapshot, TopologySource, slot_name,
};

/// Annotation of the autoscaler: its `minReplicas` before pgctl raised it.
pub const ORIGINAL_MINIMUM: &str = "pgctl.io/original-min-replicas";

/// How long a standby may take to come back after a rewind, in seconds.
const REJOIN_SECONDS: u32 = 300;

pub(crate) fn steps(case: &Case<'_>, target: &Instance) -> Vec<Step> {
    let frame = Frame::new(case, target);
    let mut steps = Vec::new();
    steps.extend(frame.guard());
    steps.extend(frame.create_slots());
    if case.mode == Mode::Switchover {
        steps.push(
            Step::new(
                StepName::Checkpoint,
                Action::Checkpoint {
                    pod: case.old.clone(),
                },
                Condition::Answered,
            )
            .timeout(300),
        );
        steps.extend(frame.hold());
    }
    steps.push(frame.fence());
    steps.extend(frame.stop());
    if frame.must_catch_up() {
        steps.push(
            Step::new(
                StepName::CatchUp,
                Action::Observe,
                Condition::CaughtUp {
                    pod: frame.to.clone(),
                },
            )
            .timeout(30),
        );
    }
    steps.push(frame.promote());
    steps.extend(frame.point_service());
    steps.extend(frame.repoint());
    steps.push(
        Step::new(
            StepName::ProveWrite,
            Action::Write {
                pod: frame.to.clone(),
            },
            Condition::Answered,
        )
        .timeout(30),
    );
    if case.mode == Mode::Switchover {
        steps.extend(frame.release());
    }
    steps.extend(frame.tidy_slots());
    steps.extend(frame.restore_autoscaler());
    steps.extend(frame.rejoin());
    steps
}

/// What the steps have in common.
struct Frame<'a> {
    case: &'a Case<'a>,
    snapshot: &'a Snapshot,
    target: &'a Instance,
    to: String,
    config_map: Option<String>,
    term: u64,
    system_identifier: String,
    comes_back: bool,
}

impl<'a> Frame<'a> {
    fn new(case: &'a Case<'a>, target: &'a Instance) -> Self {
        let snapshot = case.snapshot;
        let config_map = match &snapshot.topology.source {
            TopologySource::Default { config_map }
            | TopologySource::Recorded { config_map, .. } => Some(config_map.clone()),
            TopologySource::Unaware => None,
        };
        let gone_for_long = case.request.accept_split_brain_risk && case.mode == Mode::Emergency;
        let comes_back = case.topology_aware()
            && case.old != target.name()
            && !gone_for_long
            && (case.old_component() == Component::Replica || case.request.rejoin);
        Self {
            case,
            snapshot,
            target,
            to: target.name().to_owned(),
            config_map,
            term: snapshot.topology.term + 1,
            system_identifier: target
                .facts()
                .map(|facts| facts.system_identifier.clone())
                .unwrap_or_default(),
            comes_back,
        }
    }

    fn old_set(&self) -> Option<&crate::cluster::StatefulSetFacts> {
        self.snapshot.stateful_set(self.case.old_component())
    }

    /// The old primary's pod, when there is something in it to stop.
    fn old_to_stop(&self) -> Option<&Instance> {
        self.case
            .old_instance()
            .filter(|it| it.name() != self.to && it.role() != Role::Standby)
    }

    fn guard(&self) -> Option<Step> {
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

    /// Slots that the new primary must have: one for each pod that will follow.
    fn wanted_slots(&self) -> Vec<String> {
        let others = self.case.others(self.target).map(|it| slot_name(it.name()));
        let old = self.comes_back.then(|| slot_name(&self.case.old));
        others.chain(old).collect()
    }

    fn create_slots(&self) -> Option<Step> {
        let slots = self.wanted_slots();
        if slots.is_empty() {
            return None;
        }
        let had: Vec<&str> = self
            .target
            .facts()
            .map(|facts| facts.slots.iter().map(|slot| slot.name.as_str()).collect())
            .unwrap_or_default();
        let new: Vec<String> = slots
            .iter()
            .filter(|slot| !had.contains(&slot.as_str()))
            .cloned()
            .collect();
        let step = Step::new(
            StepName::CreateSlots,
            Action::CreateSlots {
                pod: self.to.clone(),
                slots: slots.clone(),
            },
            Condition::Slots {
                pod: self.to.clone(),
                slots,
            },
        );
        Some(if new.is_empty() {
            step
        } else {
            step.undo(
                vec![Action::DropSlots {
                    pod: self.to.clone(),
                    slots: new.clone(),
                }],
                Condition::NoSlots {
                    pod: self.to.clone(),
                    slots: new,
                },
                30,
            )
        })
    }

    fn hold(&self) -> Option<Step> {
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

    fn release(&self) -> Option<Step> {
        let pod = pod_ref(self.old_to_stop()?);
        Some(
            Step::new(
                StepName::ReleaseRecord,
                Action::ReleaseRecord { pod: pod.clone() },
                Condition::RecordReleased { pod },
            )
            .timeout(60),
        )
    }

    /// The topology as it was, under a term that beats the fence.
    fn unfence(&self) -> Option<(Action, Condition)> {
        let config_map = self.config_map.clone()?;
        // Back to the pod that is primary, not to what a stale record says.
        let primary = self.case.old.clone();
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

    fn fenced(&self) -> Option<Condition> {
        Some(Condition::Topology {
            config_map: self.config_map.clone()?,
            primary: self.to.clone(),
            term: self.term,
        })
    }

    fn fence(&self) -> Step {
        let (Some(config_map), Some(fenced), Some((restore, restored))) =
            (self.config_map.clone(), self.fenced(), self.unfence())
        else {
            // Without a topology the fence is the StatefulSet at 0.
            return self.scale_old_to_zero(StepName::Fence);
        };
        Step::new(
            StepName::Fence,
            Action::WriteTopology {
                config_map,
                primary: self.to.clone(),
                term: self.term,
                system_identifier: self.system_identifier.clone(),
            },
            fenced,
        )
        .requires(Condition::InRecovery {
            pod: self.to.clone(),
        })
        .undo(vec![restore], restored, 30)
    }

    fn scale_old_to_zero(&self, name: StepName) -> Step {
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

    /// What proves that the old primary can't accept writes any more.
    fn stopped(&self) -> Option<Condition> {
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

    fn stop(&self) -> Option<Step> {
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
    fn restart(&self) -> Undo {
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

    fn must_catch_up(&self) -> bool {
        // In an emergency only what the plan has promised: nothing is lost.
        self.case.mode == Mode::Switchover
    }

    fn promote(&self) -> Step {
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

    fn point_service(&self) -> Option<Step> {
        let service = self.snapshot.service(ServicePurpose::Write)?;
        let (selector, remember) = write_selector(service, &self.to, self.target.pod.component);
        Some(
            Step::new(
                StepName::PointService,
                Action::PointService {
                    service: service.name.clone(),
                    pod: self.to.clone(),
                    selector,
                    remember,
                },
                Condition::ServiceLeadsTo {
                    service: service.name.clone(),
                    pod: self.to.clone(),
                },
            )
            .timeout(60),
        )
    }

    fn repoint(&self) -> Option<Step> {
        let line = |it: &Instance| it.facts().map(|facts| facts.timeline);
        let followers: Vec<Follower> = self
            .snapshot
            .standbys()
            .filter(|it| it.name() != self.to && line(it) <= line(self.target))
            .map(|it| Follower {
                pod: it.name().to_owned(),
                slot: slot_name(it.name()),
            })
            .collect();
        let service = self
            .snapshot
            .stateful_set(self.target.pod.component)
            .map(|set| set.service.clone())?;
        if followers.is_empty() {
            return None;
        }
        let proves = Condition::Streaming {
            upstream: self.to.clone(),
            pods: followers.iter().map(|it| it.pod.clone()).collect(),
        };
        Some(
            Step::new(
                StepName::Repoint,
                Action::Repoint {
                    upstream: self.to.clone(),
                    service,
                    followers,
                },
                proves,
            )
            .requires(Condition::Writable {
                pod: self.to.clone(),
            })
            .timeout(60)
            .reported(),
        )
    }

    /// Slots on the new primary that no pod will use: its own, and that of an old primary that
    /// stays away.
    fn tidy_slots(&self) -> Option<Step> {
        let wanted = self.wanted_slots();
        let slots: Vec<String> = self
            .target
            .facts()?
            .slots
            .iter()
            .filter(|slot| slot.kind == SlotKind::Physical && !slot.temporary)
            .filter(|slot| is_pod_slot(self.snapshot, &slot.name) && !wanted.contains(&slot.name))
            .map(|slot| slot.name.clone())
            .collect();
        (!slots.is_empty()).then(|| drop_slots(StepName::TidySlots, &self.to, slots))
    }

    fn restore_autoscaler(&self) -> Option<Step> {
        let autoscaler = self.snapshot.autoscaler.as_ref()?;
        let minimum = remembered_minimum(self.snapshot)?;
        let safe =
            self.target.pod.component == Component::Primary || self.target.pod.ordinal < minimum;
        safe.then(|| {
            Step::new(
                StepName::RestoreAutoscaler,
                Action::SetAutoscalerMinimum {
                    autoscaler: autoscaler.name.clone(),
                    minimum,
                    remember: None,
                },
                Condition::AutoscalerMinimum {
                    autoscaler: autoscaler.name.clone(),
                    minimum,
                },
            )
            .reported()
        })
    }

    fn rejoin(&self) -> Vec<Step> {
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

/// The minimum that an earlier failover has remembered.
fn remembered_minimum(snapshot: &Snapshot) -> Option<u32> {
    let annotations = &snapshot.autoscaler.as_ref()?.annotations;
    annotations.get(ORIGINAL_MINIMUM)?.parse().ok()
}

/// A step that drops slots; a slot that is in use is a report, not a failure.
pub(crate) fn drop_slots(name: StepName, pod: &str, slots: Vec<String>) -> Step {
    let (pod, on) = (pod.to_owned(), pod.to_owned());
    Step::new(
        name,
        Action::DropSlots {
            pod,
            slots: slots.clone(),
        },
        Condition::NoSlots { pod: on, slots },
    )
    .reported()
}

/// The slot names of every pod that exists.
pub(crate) fn pod_slots(snapshot: &Snapshot) -> Vec<String> {
    snapshot
        .instances
        .iter()
        .map(|it| slot_name(it.name()))
        .collect()
}

/// Whether a slot of this name belongs to a pod of this cluster, whether it exists or not.
fn is_pod_slot(snapshot: &Snapshot, slot: &str) -> bool {
    snapshot.stateful_sets.iter().any(|set| {
        slot.strip_prefix(&slot_name(&set.name))
            .and_then(|tail| tail.strip_prefix('_'))
            .is_some_and(|tail| !tail.is_empty() && tail.bytes().all(|b| b.is_ascii_digit()))
    })
}
