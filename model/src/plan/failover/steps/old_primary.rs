//! The end of the old primary, its proof, and the promotion that needs it; and its return.

use super::super::common::End;
use super::failover_steps::Steps;
use crate::cluster::{Component, Instance, Role};
use crate::plan::common::{drop_slots, pod_slots, release_records, settle_proofs};
use crate::plan::language::{Action, Condition, Mode, PodRef, Step, StepName, Undo};

/// How long a standby may take to come back after a rewind, in seconds.
const REJOIN_SECONDS: u32 = 300;

/// How long an old primary that does not answer is given to end in order, in seconds, before its
/// grace period is shortened: a shutdown that works leaves its record by then.
const ORDERLY_SECONDS: u32 = 20;

/// The grace period after that, in seconds. Never 0: that takes the object away and proves nothing.
const SHORT_GRACE_SECONDS: u32 = 5;

impl Steps<'_> {
    /// The old primary's pod, when it has an end that can still leave a record.
    fn old_to_hold(&self) -> Option<PodRef> {
        let old = self.old_to_stop()?;
        let pod = &old.pod;
        // Nothing takes a finalizer that is being deleted, and a lost node leaves no record.
        let ends = pod.deleting_since.is_none() && pod.node_ready != Some(false);
        (self.situation.end() == End::Clean || ends).then(|| PodRef::of(old))
    }

    pub(super) fn hold(&self) -> Option<Step> {
        let pod = self.old_to_hold()?;
        let release = Action::ReleaseRecord { pod: pod.clone() };
        let released = Condition::RecordReleased { pod: pod.clone() };
        let step = Step::new(
            StepName::HoldRecord,
            Action::HoldRecord { pod: pod.clone() },
            Condition::RecordHeld { pod },
        )
        .undo(vec![release], released, 30);
        Some(match self.situation.end() {
            End::Clean => step,
            // The record is worth having, and not worth an outage that goes on.
            End::Stopped | End::Waived => step.reported(),
        })
    }

    /// What this operation keeps.
    pub(super) fn release(&self) -> Option<Step> {
        Some(release(StepName::ReleaseRecord, self.old_to_hold()?))
    }

    /// What operations have kept of other pods, and nobody needs any more.
    pub(super) fn release_others(&self) -> Option<Step> {
        let own = self.old_to_hold();
        let stopped: Vec<PodRef> = self.left_behind().into_iter().map(PodRef::of).collect();
        let kept = self.snapshot.instances.iter().filter(|it| it.pod.held);
        // Whoever vouches for it waits for no record.
        let vouched = self.situation.mode == Mode::Emergency
            && self.situation.request.accept_split_brain_risk;
        let over = kept
            .filter(|it| it.pod.has_ended() || vouched)
            .map(PodRef::of)
            .filter(|pod| Some(pod) != own.as_ref() && !stopped.contains(pod));
        let pods: Vec<PodRef> = stopped.iter().cloned().chain(over).collect();
        release_records(pods)
    }

    /// Pods of earlier operations that are to be stopped.
    fn left_behind(&self) -> Vec<&Instance> {
        if self.situation.request.accept_split_brain_risk {
            return Vec::new();
        }
        self.unproven().filter_map(|(_, it)| it).collect()
    }

    /// Their end, and its proof.
    pub(super) fn stop_unproven(&self) -> Option<Step> {
        let left = self.left_behind();
        if left.is_empty() {
            return None;
        }
        let pods: Vec<PodRef> = left.iter().map(|it| PodRef::of(it)).collect();
        let primary_set = self
            .snapshot
            .stateful_set(Component::Primary)
            .filter(|set| set.wanted > 0)
            .filter(|_| left.iter().any(|it| it.pod.component == Component::Primary));
        let mut undo = vec![Action::ReleaseRecords { pods: pods.clone() }];
        let mut restored = Condition::Answered;
        if let Some(set) = primary_set {
            undo.push(Action::Scale {
                stateful_set: set.name.clone(),
                replicas: set.wanted,
            });
            restored = Condition::Scaled {
                stateful_set: set.name.clone(),
                replicas: set.wanted,
            };
        }
        let mut step = Step::new(
            StepName::StopUnproven,
            Action::StopUnproven {
                stateful_sets: primary_set.iter().map(|set| set.name.clone()).collect(),
                pods: pods.clone(),
            },
            Condition::AllStopped { pods },
        )
        .timeout(self.situation.stop_seconds())
        .undo(undo, restored, 60);
        step.requires.extend(self.fenced());
        Some(step)
    }

    /// Whose end was proven owes nothing any more, nor does the very pod that has become a standby.
    pub(super) fn settle(&self) -> Option<Step> {
        let config_map = self.config_map.clone()?;
        let waived = self.situation.end() == End::Waived;
        let ended = self.situation.ended();
        let only = |name: &str| self.snapshot.owing_before(name).is_empty();
        let proven = self
            .owing()
            .into_iter()
            .filter(|name| only(name) && (!waived || ended.iter().any(|pod| pod.name == *name)));
        let standbys = self.snapshot.standbys().map(|it| it.name().to_owned());
        let owes = |it: &String| self.snapshot.topology.unproven.contains_key(it);
        let paid = standbys.filter(|it| owes(it) && only(it));
        let pods: Vec<String> = proven.chain(paid).collect();
        settle_proofs(&config_map, pods)
    }

    /// What proves that the old primary can't accept writes any more.
    pub(super) fn stopped(&self) -> Option<Condition> {
        let old = &self.situation.old;
        if *old == self.to {
            return None;
        }
        let Some(instance) = self.situation.old_instance() else {
            return Some(Condition::PodAbsent { pod: old.clone() });
        };
        if instance.role() == Role::Standby {
            return Some(Condition::InRecovery { pod: old.clone() });
        }
        let pod = PodRef::of(instance);
        match self.situation.end() {
            End::Clean => Some(Condition::StoppedCleanly { pod }),
            End::Stopped => Some(Condition::Stopped { pod }),
            // The risk was accepted, by name: the proof is tried for, and not waited for for ever.
            End::Waived => None,
        }
    }

    pub(super) fn stop(&self) -> Option<Step> {
        let in_primary_set = self.situation.old_component() == Component::Primary;
        let set = self.old_set()?;
        let to_stop = self.old_to_stop();
        if self.situation.old == self.to
            || (to_stop.is_none() && (!in_primary_set || set.wanted == 0))
            || self
                .situation
                .old_instance()
                .is_some_and(|it| it.role() == Role::Standby)
        {
            return None;
        }
        let (action, accepted) = match to_stop {
            Some(instance) if !in_primary_set => {
                let pod = PodRef::of(instance);
                (Action::DeletePod { pod }, Condition::Answered)
            }
            _ => {
                let (stateful_set, replicas) = (set.name.clone(), 0);
                let scaled = Condition::Scaled {
                    stateful_set: stateful_set.clone(),
                    replicas,
                };
                let scale = Action::Scale {
                    stateful_set,
                    replicas,
                };
                (scale, scaled)
            }
        };
        let proves = match self.is_hastened() {
            // The next step sees to its end.
            true => accepted,
            false => self.stopped().unwrap_or(accepted),
        };
        let mut step =
            Step::new(StepName::StopPrimary, action, proves).timeout(self.situation.stop_seconds());
        // From the fence on the old primary can't come back as one: never stop it without.
        step.requires.extend(self.clients_moved());
        step.requires.extend(self.fenced());
        if self.config_map.is_some() {
            step.requires.extend(self.fit(true));
        }
        step.undo = self.restart();
        Some(step)
    }

    /// The candidate is still what it was when the plan was made: nothing is stopped for one that
    /// could not take over. `stopping`: the step that asks is the one that stops the old primary, and may have begun.
    pub(super) fn fit(&self, stopping: bool) -> Option<Condition> {
        let set = self.snapshot.stateful_set(self.target.pod.component)?;
        Some(Condition::FitToTakeOver {
            pod: self.to.clone(),
            stateful_set: set.name.clone(),
            upstream: (self.situation.mode == Mode::Switchover).then(|| self.situation.old.clone()),
            max_lag_bytes: self.situation.request.max_lag_bytes,
            stopping,
        })
    }

    /// Whether the old primary's end is hastened when it takes long. One that is alive gets all the
    /// time that it needs for its record.
    fn is_hastened(&self) -> bool {
        self.situation.mode == Mode::Emergency
            && !self.situation.is_blind()
            && self.old_to_stop().is_some()
            && self.situation.old != self.to
    }

    /// A hung server takes all of its pod's grace period, which may be minutes. A deletion that names
    /// a shorter one shortens it (`BeforeDelete()` in staging/src/k8s.io/apiserver/pkg/registry/rest/
    /// delete.go), and the kubelet goes by it in the middle of a termination (`UpdatePod()` in
    /// pkg/kubelet/pod_workers.go), and still reports the end when it has seen it.
    pub(super) fn hasten(&self) -> Option<Step> {
        let old = self.old_to_stop().filter(|_| self.is_hastened())?;
        let pod = PodRef::of(old);
        let step = Step::new(
            StepName::HastenEnd,
            Action::HastenEnd {
                pod: pod.clone(),
                after_seconds: ORDERLY_SECONDS,
                grace_seconds: SHORT_GRACE_SECONDS,
            },
            Condition::Stopped { pod },
        )
        .timeout(ORDERLY_SECONDS + SHORT_GRACE_SECONDS + 35);
        Some(match self.situation.end() {
            End::Waived => step.reported(),
            End::Stopped | End::Clean => step,
        })
    }

    /// How a stopped primary is brought back: the topology first, so that whoever starts finds it;
    /// then, when its pod has ended, its record may go, and with it its object; then its successor.
    pub(super) fn restart(&self) -> Undo {
        let mut actions = Vec::new();
        let unfence = self.unfence();
        actions.extend(unfence.iter().map(|(action, _)| action.clone()));
        // One that stays goes now, or is able to start its server again.
        if let Some(pod) = self.lingering() {
            actions.push(Action::ForgetLingering { pod });
        }
        if let Some(old) = self.old_to_stop() {
            // A deletion can't be called back: until it is through, nothing is as it was.
            actions.push(Action::AwaitEnd {
                pod: PodRef::of(old),
            });
        }
        if let Some(pod) = self.old_to_hold() {
            actions.push(Action::ReleaseRecord { pod });
        }
        let scaled_down = self.situation.old_component() == Component::Primary;
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
        actions.extend(self.lead_back());
        let pod = self.situation.old.clone();
        Undo::Actions {
            actions,
            proves: match self.situation.mode {
                Mode::Switchover => Condition::Writable { pod },
                // Nobody can ask it.
                Mode::Emergency if self.situation.is_blind() => Condition::PodReady { pod },
                // It did not run before either.
                Mode::Emergency => proves.unwrap_or(Condition::Answered),
            },
            timeout_seconds: match self.situation.end() {
                End::Clean => 300 + self.situation.stop_seconds(),
                // There is nothing to go back to that clients would wait for.
                End::Stopped | End::Waived => 60 + self.situation.stop_seconds(),
            },
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
        step.requires.extend(self.has_everything());
        step.requires
            .extend(self.stop_unproven().map(|step| step.proves));
        step.requires.push(Condition::InRecovery {
            pod: self.to.clone(),
        });
        step
    }

    pub(super) fn rejoin(&self) -> Vec<Step> {
        if !self.comes_back {
            return Vec::new();
        }
        let old = self.situation.old.clone();
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

fn release(name: StepName, pod: PodRef) -> Step {
    let released = Condition::RecordReleased { pod: pod.clone() };
    Step::new(name, Action::ReleaseRecord { pod }, released).timeout(60)
}
