//! Planning the return of a former primary, and a new volume for a broken standby.

use jiff::Timestamp;

use super::case::pod_ref;
use super::checks::{new_standby_checks, operation_checks, room_for_copy};
use super::failover_steps::{drop_slots, pod_slots, release_records, settle_proofs, spread_reads};
use super::scaling::{confirm_by, wish};
use super::{
    Action, Check, CheckName, Condition, Grounds, Operation, OperationId, Plan, Refusal,
    ReinitRequest, RejoinRequest, Step, StepName,
};
use crate::cluster::{
    Component, Instance, Role, Shape, Snapshot, StatefulSetFacts, TopologySource, resolve_tail,
    slot_name, synchronous_candidates,
};

/// How long a claim may take to go when no pod has it.
const CLAIM_SECONDS: u32 = 120;

/// Plans the return of a former primary as a standby.
///
/// # Errors
/// A [`Refusal`] with every check that stands in the way.
pub fn plan_rejoin(
    snapshot: &Snapshot,
    request: &RejoinRequest,
    grounds: &Grounds,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let mut scene = Scene::new(snapshot, &request.pod, grounds);
    scene.not_following_yet(request.clone);
    if request.clone {
        scene.checks.extend(room_for_copy(snapshot));
    } else {
        scene.rewindable();
    }
    let id = OperationId::new("rejoin", now);
    scene.plan("rejoin", id.clone(), now, |it| {
        let mut steps: Vec<Step> = it.release().into_iter().collect();
        steps.push(it.create_slot());
        if request.clone {
            steps.push(it.request_clone(&id.0));
        }
        steps.extend(it.restart());
        steps.push(it.rejoin(request.timeout_seconds));
        steps.push(drop_slots(
            StepName::DropStaleSlots,
            &it.pod,
            pod_slots(snapshot),
        ));
        steps.extend(it.settle());
        steps.extend(it.confirm());
        steps.extend(spread_reads(snapshot, it.primary.pod.component));
        let operation = Operation::Rejoin {
            pod: it.pod.clone(),
            primary: it.primary.name().to_owned(),
            clone: request.clone,
        };
        (operation, steps)
    })
}

/// Plans a new volume for a broken standby, cloned from the primary.
///
/// # Errors
/// A [`Refusal`] with every check that stands in the way.
pub fn plan_reinit(
    snapshot: &Snapshot,
    request: &ReinitRequest,
    grounds: &Grounds,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let mut scene = Scene::new(snapshot, &request.pod, grounds);
    // Found out before its data goes.
    scene.checks.extend(room_for_copy(snapshot));
    let volume = scene.volume().cloned();
    if volume.is_none() {
        let pod = scene.pod.clone().unwrap_or_else(|| request.pod.clone());
        scene.checks.push(Check::refuse(
            CheckName::Volume,
            format!("{pod} has no claim to renew"),
        ));
    }
    scene.plan("reinit", OperationId::new("reinit", now), now, |it| {
        let claim = volume
            .as_ref()
            .map(|it| it.claim.clone())
            .unwrap_or_default();
        let created = volume.as_ref().and_then(|it| it.created);
        let uid = volume.as_ref().and_then(|it| it.uid.clone());
        let restart = it.restart();
        // As long as a pod has it, it can't go.
        let deleted = match restart {
            Some(_) => Condition::ClaimEnding {
                claim: claim.clone(),
                uid: uid.clone(),
            },
            None => Condition::ClaimGone {
                claim: claim.clone(),
                created,
                uid: uid.clone(),
            },
        };
        let delete = Step::new(
            StepName::DeleteVolume,
            Action::DeleteClaim {
                claim: claim.clone(),
                created,
            },
            deleted,
        )
        .requires(Condition::Writable {
            pod: it.primary.name().to_owned(),
        })
        .timeout(CLAIM_SECONDS)
        .point_of_no_return();
        let mut steps: Vec<Step> = it.release().into_iter().collect();
        steps.extend([it.create_slot(), delete]);
        // The new pod comes with its claim: the StatefulSet controller makes none as long as the old
        // claim is there (createPersistentVolumeClaims in pkg/controller/statefulset/stateful_pod_control.go).
        steps.extend(restart.map(|step| Step {
            proves: Condition::ClaimReplaced {
                claim: claim.clone(),
                uid,
            },
            ..step
        }));
        steps.push(it.rejoin(request.timeout_seconds));
        steps.extend(it.settle());
        let operation = Operation::Reinit {
            pod: it.pod.clone(),
            primary: it.primary.name().to_owned(),
            claim,
        };
        (operation, steps)
    })
}

/// The checks of both, as they are worked out.
struct Scene<'a> {
    snapshot: &'a Snapshot,
    pod: Option<String>,
    checks: Vec<Check>,
}

/// What is known once nothing refuses.
struct Settled<'a> {
    snapshot: &'a Snapshot,
    pod: String,
    primary: &'a Instance,
    set: &'a StatefulSetFacts,
}

impl<'a> Scene<'a> {
    fn new(snapshot: &'a Snapshot, given: &str, grounds: &Grounds) -> Self {
        let mut checks = operation_checks(&snapshot.cluster, grounds);
        checks.extend([one_primary(snapshot), start_script(snapshot)]);
        checks.extend(new_standby_checks(snapshot));
        let pod = match resolve_tail(given, names(snapshot).iter().map(String::as_str)) {
            Ok(name) => {
                checks.push(Check::pass(CheckName::Target, format!("{name} is meant")));
                Some(name.to_owned())
            }
            Err(error) => {
                checks.push(Check::refuse(CheckName::Target, error.to_string()));
                None
            }
        };
        let mut scene = Self {
            snapshot,
            pod,
            checks,
        };
        scene.no_primary();
        scene
    }

    fn instance(&self) -> Option<&'a Instance> {
        self.snapshot.instance(self.pod.as_deref()?)
    }

    fn volume(&self) -> Option<&'a crate::cluster::VolumeFacts> {
        let pod = self.pod.as_deref()?;
        self.snapshot.volumes.iter().find(|it| it.pod == pod)
    }

    /// It is not the primary itself, and it has a place to run.
    fn no_primary(&mut self) {
        let Some(pod) = self.pod.clone() else { return };
        let primary = self.instance().is_some_and(|it| it.role() == Role::Primary);
        if primary || self.snapshot.topology.primary == pod {
            self.checks.push(
                Check::refuse(CheckName::Recovery, format!("{pod} is the primary"))
                    .next("pgctl failover first"),
            );
        }
        if let Some(set) = set_of(self.snapshot, &pod)
            && set.component == Component::Replica
            && (self.instance().is_none() || !set.keeps(&pod))
        {
            self.checks.push(Check::refuse(
                CheckName::Ready,
                format!(
                    "{pod} does not exist or is about to go: {} is scaled to {}",
                    set.name, set.wanted
                ),
            ));
        }
    }

    fn not_following_yet(&mut self, clone: bool) {
        let (Some(pod), Some(primary)) = (self.pod.clone(), self.snapshot.primary()) else {
            return;
        };
        let follows = primary.facts().is_some_and(|facts| {
            facts
                .senders
                .iter()
                .any(|sender| sender.application_name == pod && sender.state == "streaming")
        });
        self.checks.push(if follows && !clone {
            Check::refuse(
                CheckName::Streaming,
                format!("{pod} streams from {} already", primary.name()),
            )
        } else {
            Check::pass(CheckName::Streaming, format!("{pod} does not stream"))
        });
    }

    fn rewindable(&mut self) {
        let able = self
            .snapshot
            .primary()
            .and_then(Instance::facts)
            .is_some_and(|facts| facts.settings.rewindable);
        self.checks.push(if able {
            Check::pass(CheckName::Rewind, "pg_rewind can work")
        } else {
            Check::refuse(
                CheckName::Rewind,
                "pg_rewind can't work: neither wal_log_hints nor data checksums are on",
            )
            .next("--clone")
        });
    }

    fn plan(
        mut self,
        kind: &str,
        id: OperationId,
        now: Timestamp,
        make: impl FnOnce(&Settled<'a>) -> (Operation, Vec<Step>),
    ) -> Result<Plan, Refusal> {
        self.checks.sort_by_key(|check| check.check);
        let set = self
            .pod
            .as_deref()
            .and_then(|pod| set_of(self.snapshot, pod));
        let refused = self.checks.iter().any(Check::refuses);
        let (Some(pod), Some(primary), Some(set), false) =
            (self.pod, self.snapshot.primary(), set, refused)
        else {
            return Err(Refusal {
                operation: kind.to_owned(),
                checks: self.checks,
                candidates: Vec::new(),
            });
        };
        let settled = Settled {
            snapshot: self.snapshot,
            pod,
            primary,
            set,
        };
        let (operation, steps) = make(&settled);
        Ok(Plan {
            id,
            cluster: self.snapshot.cluster.clone(),
            system_identifier: primary
                .facts()
                .map(|facts| facts.system_identifier.clone())
                .unwrap_or_default(),
            operation,
            made: now,
            checks: self.checks,
            candidates: Vec::new(),
            steps,
        })
    }
}

impl Settled<'_> {
    fn create_slot(&self) -> Step {
        let pod = self.primary.name().to_owned();
        let slots = vec![slot_name(&self.pod)];
        let has = self
            .primary
            .facts()
            .is_some_and(|facts| facts.slots.iter().any(|slot| slots.contains(&slot.name)));
        let step = Step::new(
            StepName::CreateSlots,
            Action::CreateSlots {
                pod: pod.clone(),
                slots: slots.clone(),
            },
            Condition::Slots {
                pod: pod.clone(),
                slots: slots.clone(),
            },
        );
        if has {
            return step;
        }
        let drop = Action::DropSlots {
            pod: pod.clone(),
            slots: slots.clone(),
        };
        step.undo(vec![drop], Condition::NoSlots { pod, slots }, 30)
    }

    /// What an operation has kept of a pod that has ended would keep its successor away.
    fn release(&self) -> Option<Step> {
        let kept = self.snapshot.instance(&self.pod).filter(|it| it.pod.held);
        let over = kept.filter(|it| it.pod.has_ended());
        release_records(over.map(pod_ref).into_iter().collect())
    }

    /// It streams by now: nothing is left to be proven of it.
    fn settle(&self) -> Option<Step> {
        let owes = self.snapshot.topology.unproven.contains_key(&self.pod);
        let pods = owes.then(|| self.pod.clone());
        settle_proofs(&self.config_map(), pods.into_iter().collect())
    }

    fn config_map(&self) -> String {
        match &self.snapshot.topology.source {
            TopologySource::Default { config_map }
            | TopologySource::Recorded { config_map, .. } => config_map.clone(),
            TopologySource::Unaware => String::new(),
        }
    }

    fn request_clone(&self, request: &str) -> Step {
        let config_map = self.config_map();
        let (pod, request) = (self.pod.clone(), request.to_owned());
        Step::new(
            StepName::RequestClone,
            Action::RequestClone {
                config_map: config_map.clone(),
                pod: pod.clone(),
                request: request.clone(),
            },
            Condition::CloneRequested {
                config_map,
                pod,
                request,
            },
        )
        .requires(Condition::Writable {
            pod: self.primary.name().to_owned(),
        })
        .point_of_no_return()
    }

    /// A fresh pod sees the topology, the clone request and its volume anew. One that is on its way out is
    /// not replaced; the next one comes when its StatefulSet is scaled up.
    fn restart(&self) -> Option<Step> {
        if !self.set.keeps(&self.pod) {
            return None;
        }
        // One that has ended goes by itself, and is replaced.
        let now = self.snapshot.instance(&self.pod);
        let pod = pod_ref(now.filter(|it| !it.pod.has_ended())?);
        Some(
            Step::new(
                StepName::RestartPod,
                Action::DeletePod { pod: pod.clone() },
                Condition::PodReplaced { pod },
            )
            .timeout(330),
        )
    }

    /// Commits wait for it again, too.
    fn confirm(&self) -> Option<Step> {
        let count = wish(self.snapshot)?;
        let mut shape = Shape::of(self.snapshot);
        if self.set.component == Component::Primary {
            shape.primary_pods = shape.primary_pods.max(1);
        }
        let standbys = synchronous_candidates(self.snapshot, &shape, self.primary.name());
        let step = confirm_by(StepName::SetSynchronous, self.primary, count, standbys);
        Some(step.reported())
    }

    fn rejoin(&self, timeout_seconds: u32) -> Step {
        let away = self.set.wanted == 0;
        let scale = |replicas| Action::Scale {
            stateful_set: self.set.name.clone(),
            replicas,
        };
        let action = if away { scale(1) } else { Action::Observe };
        let step = Step::new(
            StepName::Rejoin,
            action,
            Condition::Back {
                upstream: self.primary.name().to_owned(),
                pod: self.pod.clone(),
            },
        )
        .requires(Condition::Writable {
            pod: self.primary.name().to_owned(),
        })
        .timeout(timeout_seconds);
        if away {
            let scaled = Condition::Scaled {
                stateful_set: self.set.name.clone(),
                replicas: 0,
            };
            step.undo(vec![scale(0)], scaled, 60)
        } else {
            step
        }
    }
}

/// Every pod that there is, was (its claim tells), or could be (pod 0 of the primary StatefulSet).
fn names(snapshot: &Snapshot) -> Vec<String> {
    let mut names: Vec<String> = snapshot
        .instances
        .iter()
        .map(|it| it.name().to_owned())
        .collect();
    let others = snapshot.volumes.iter().map(|it| it.pod.clone()).chain(
        snapshot
            .stateful_set(Component::Primary)
            .map(|set| format!("{}-0", set.name)),
    );
    for name in others {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn set_of<'a>(snapshot: &'a Snapshot, pod: &str) -> Option<&'a StatefulSetFacts> {
    let (set, _) = pod.rsplit_once('-')?;
    snapshot.stateful_sets.iter().find(|it| it.name == set)
}

pub(super) fn one_primary(snapshot: &Snapshot) -> Check {
    let name = CheckName::OnePrimary;
    let primaries: Vec<&str> = snapshot.primaries().map(Instance::name).collect();
    match primaries.as_slice() {
        [one] if *one == snapshot.topology.primary => {
            Check::pass(name, format!("{one} is the primary"))
        }
        [one] => Check::refuse(
            name,
            format!(
                "{one} is the primary, but the topology names {}: a pod that starts would not follow it",
                snapshot.topology.primary
            ),
        )
        .next("pgctl status"),
        [] => Check::refuse(name, "no primary answers: there is nothing to follow")
            .next("pgctl failover"),
        several => Check::refuse(
            name,
            format!("split brain: {} accept writes", several.join(" and ")),
        ),
    }
}

pub(super) fn start_script(snapshot: &Snapshot) -> Check {
    let aware = snapshot.topology.source != TopologySource::Unaware
        && snapshot.stateful_sets.iter().all(|set| set.topology_aware);
    if aware {
        Check::pass(CheckName::StartScript, "pods start by the topology")
    } else {
        Check::refuse(
            CheckName::StartScript,
            "the start script of this cluster does not read the topology: the pod would come up as a primary of its own",
        )
        .next("deploy the start script of pgctl's deploy/ first")
    }
}
