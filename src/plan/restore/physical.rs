//! A base backup into the volume of pod 0 of the primary StatefulSet. Everything stops for it. The
//! backup is unpacked, verified and recovered beside the data that is there, which keeps another
//! name; until the replicas' old copies are deleted, everything can be put back.

use super::super::case::pod_ref;
use super::super::failover_steps::remembered_minimum;
use super::super::selector::{ORIGINAL_SELECTOR, write_selector};
use super::super::{Action, Check, CheckName, Condition, Operation, OperationId, Step, StepName};
use super::checks::{Scene, free_bytes};
use super::plan::{Draft, stamp};
use super::{KeptData, RestoreAction, RestoreCondition, RestoreScope, VolumeHandle};
use crate::cluster::{
    Component, Instance, ServicePurpose, StatefulSetFacts, TopologySource, VolumeFacts,
};

/// How long a pod may take to stop: its own grace period, and a little more.
const STOP_SECONDS: u32 = 330;
/// How long a pod may take to be scheduled, attach its volume and pull its image.
const OPEN_SECONDS: u32 = 600;
/// How long a server may take to start.
const START_SECONDS: u32 = 600;

pub(super) fn draft(scene: &Scene<'_>, id: &OperationId) -> Draft {
    let mut checks = scene.common();
    checks.extend([scene.start_script(), scene.git_ops(), databases(scene)]);
    let frame = Frame::new(scene, id);
    checks.extend([
        primary(scene),
        architecture(scene),
        connections(scene),
        autoscaler(scene),
    ]);
    let Some(frame) = frame else {
        checks.push(Check::refuse(
            CheckName::Target,
            "there is no primary StatefulSet with a topology to restore into",
        ));
        return Draft {
            checks,
            system_identifier: String::new(),
            content: None,
        };
    };
    checks.extend([frame.space(), frame.kept(), frame.replicas()]);
    checks.push(Check::pass(
        CheckName::Target,
        format!(
            "{} of {}, in the claim {}",
            frame.target, scene.snapshot.cluster, frame.volume.claim
        ),
    ));
    let scope = RestoreScope {
        backup: scene.backup().id.clone(),
        store: scene.backup().store.clone(),
        encrypted: scene.backup().encrypted,
        kind: scene.backup().kind,
        taken: scene.backup().taken,
        pod: frame.target.clone(),
        databases: Vec::new(),
        keeps: frame.keeps(),
    };
    Draft {
        checks,
        system_identifier: scene.backup().system_identifier.clone(),
        content: Some((Operation::Restore(scope), frame.steps())),
    }
}

fn databases(scene: &Scene<'_>) -> Check {
    let name = CheckName::Databases;
    if scene.request.database.is_some() || scene.request.rename.is_some() {
        return Check::refuse(
            name,
            "a base backup is the whole cluster: one database can't be taken out of it",
        )
        .next(
            "restore a logical backup, or restore this one into another cluster and dump it there",
        );
    }
    Check::warn(name, "everything is replaced, all databases and roles")
}

/// One primary, or none: both will do. Several are nothing to build upon.
fn primary(scene: &Scene<'_>) -> Check {
    let name = CheckName::OnePrimary;
    let names: Vec<&str> = scene.snapshot.primaries().map(Instance::name).collect();
    match names.as_slice() {
        [one] => Check::pass(name, format!("{one} is the primary; its data is kept")),
        [] => Check::warn(
            name,
            "no primary answers: the data on every volume that there is will be kept",
        ),
        several => Check::warn(
            name,
            format!(
                "split brain: {} accept writes; the data on every volume is kept",
                several.join(" and ")
            ),
        ),
    }
}

fn architecture(scene: &Scene<'_>) -> Check {
    let name = CheckName::Architecture;
    let ours = &scene.backup().architecture;
    match scene.found.target.as_ref().map(|it| &it.architecture) {
        Some(here) if !here.is_empty() && here != ours => Check::refuse(
            name,
            format!("the backup is of {ours}, and the pod runs on {here}"),
        )
        .next("restore a logical backup"),
        Some(here) if !here.is_empty() => Check::pass(name, format!("{here}, as in the backup")),
        _ => Check::pass(
            name,
            format!("it needs {ours}; the machine is looked at before it is used"),
        ),
    }
}

fn connections(scene: &Scene<'_>) -> Check {
    let name = CheckName::Connections;
    let sessions: u32 = scene
        .found
        .target
        .iter()
        .flat_map(|it| &it.databases)
        .map(|it| it.sessions)
        .sum();
    if sessions == 0 {
        Check::pass(name, "no client is connected to the primary")
    } else {
        Check::warn(
            name,
            format!("{sessions} sessions of clients on the primary will be ended"),
        )
    }
}

fn autoscaler(scene: &Scene<'_>) -> Check {
    let name = CheckName::Autoscaler;
    match &scene.snapshot.autoscaler {
        Some(autoscaler) => Check::pass(
            name,
            format!(
                "{} does nothing while there are 0 replicas",
                autoscaler.name
            ),
        ),
        None => Check::pass(name, "there is no autoscaler"),
    }
}

/// What the steps have in common.
struct Frame<'a> {
    scene: &'a Scene<'a>,
    primary_set: &'a StatefulSetFacts,
    replica_set: Option<&'a StatefulSetFacts>,
    /// The pod that is restored into.
    target: String,
    volume: VolumeHandle,
    config_map: String,
    aside: String,
    /// The pod that was primary, when one answers.
    old: Option<&'a Instance>,
}

impl<'a> Frame<'a> {
    fn new(scene: &'a Scene<'a>, id: &OperationId) -> Option<Self> {
        let snapshot = scene.snapshot;
        let primary_set = snapshot.stateful_set(Component::Primary)?;
        let config_map = match &snapshot.topology.source {
            TopologySource::Default { config_map }
            | TopologySource::Recorded { config_map, .. } => config_map.clone(),
            TopologySource::Unaware => return None,
        };
        let target = format!("{}-0", primary_set.name);
        let claim = snapshot
            .volumes
            .iter()
            .find(|it| it.pod == target)
            // As the StatefulSet controller names it: the template's name, then the pod's.
            .map_or_else(|| format!("data-{target}"), |it| it.claim.clone());
        Some(Self {
            scene,
            primary_set,
            replica_set: snapshot.stateful_set(Component::Replica),
            volume: handle(&target, &claim, &primary_set.name),
            target,
            config_map,
            aside: format!("pgdata.before-restore-{}", stamp(id)),
            old: snapshot.primary(),
        })
    }

    /// The target's claim, when it exists.
    fn claim(&self) -> Option<&'a VolumeFacts> {
        let claim = &self.volume.claim;
        self.scene
            .snapshot
            .volumes
            .iter()
            .find(|it| it.claim == *claim)
    }

    /// The other volumes whose data may be the only copy.
    fn others_to_keep(&self) -> Vec<VolumeHandle> {
        let snapshot = self.scene.snapshot;
        snapshot
            .volumes
            .iter()
            .filter(|it| it.claim != self.volume.claim)
            // With a primary that answers, the standbys' data is a copy of its.
            .filter(|it| self.old.is_none_or(|old| it.pod == old.name()))
            .filter_map(|it| {
                let set = snapshot.stateful_set(it.component)?;
                Some(handle(&it.pod, &it.claim, &set.name))
            })
            .collect()
    }

    /// The claims of copies that are made anew.
    fn claims_to_renew(&self) -> Vec<String> {
        let kept = self.others_to_keep();
        self.scene
            .snapshot
            .volumes
            .iter()
            .map(|it| it.claim.clone())
            .filter(|claim| *claim != self.volume.claim)
            .filter(|claim| !kept.iter().any(|it| it.claim == *claim))
            .collect()
    }

    fn keeps(&self) -> Vec<KeptData> {
        let target = self.claim().map(|it| it.claim.clone());
        let others = self.others_to_keep().into_iter().map(|it| it.claim);
        target
            .into_iter()
            .chain(others)
            .map(|claim| KeptData {
                claim,
                directory: self.aside.clone(),
            })
            .collect()
    }

    fn space(&self) -> Check {
        let snapshot = self.scene.snapshot;
        let kept = self.others_to_keep();
        let pods: Vec<&Instance> = snapshot
            .instances
            .iter()
            .filter(|it| {
                it.name() == self.target || kept.iter().any(|other| other.pod.contains(it.name()))
            })
            .filter(|it| free_bytes(it).is_some())
            .collect();
        self.scene.space(&pods, self.scene.backup().raw_bytes)
    }

    fn kept(&self) -> Check {
        let name = CheckName::Kept;
        match self.keeps().as_slice() {
            [] => Check::pass(name, "there is no data to keep"),
            kept => {
                let claims: Vec<&str> = kept.iter().map(|it| it.claim.as_str()).collect();
                Check::pass(
                    name,
                    format!("the data in {} stays as {}", claims.join(", "), self.aside),
                )
            }
        }
    }

    fn replicas(&self) -> Check {
        let name = CheckName::Followers;
        let wanted = self.replica_set.map_or(0, |set| set.wanted);
        let renewed = self.claims_to_renew();
        let text = format!("{wanted} will copy the restored data");
        if renewed.is_empty() {
            Check::pass(name, text)
        } else {
            Check::warn(
                name,
                format!("{text}; their claims are made anew: {}", renewed.join(", ")),
            )
        }
    }

    fn steps(&self) -> Vec<Step> {
        let seconds = self.scene.request.timeout_seconds;
        let backup = self.scene.backup();
        let volume = || self.volume.clone();
        let act = |action| Action::Restore(action);
        let see = |condition| Condition::Restore(condition);
        let mut steps = self.stop();
        if self.claim().is_none() {
            let make = RestoreAction::MakeClaim {
                claim: self.volume.claim.clone(),
                stateful_set: self.primary_set.name.clone(),
            };
            let there = RestoreCondition::ClaimThere {
                claim: self.volume.claim.clone(),
            };
            steps.push(Step::new(StepName::MakeVolume, act(make), see(there)));
        }
        let open = act(RestoreAction::OpenVolume { volume: volume() });
        let close = act(RestoreAction::CloseVolume { volume: volume() });
        let opened = see(RestoreCondition::VolumeOpen { volume: volume() });
        let closed = see(RestoreCondition::VolumeClosed { volume: volume() });
        steps.push(
            Step::new(StepName::OpenVolume, open.clone(), opened.clone())
                .timeout(OPEN_SECONDS)
                .undo(vec![close.clone()], closed.clone(), 120),
        );
        let unpack = RestoreAction::Unpack {
            volume: volume(),
            file: backup.main_file.clone().unwrap_or_default(),
            major: backup.server_version / 10_000,
            architecture: backup.architecture.clone(),
        };
        steps.push(
            Step::new(
                StepName::Unpack,
                act(unpack),
                see(RestoreCondition::Unpacked { volume: volume() }),
            )
            .timeout(seconds)
            .undo(
                vec![act(RestoreAction::RemoveUnpacked { volume: volume() })],
                see(RestoreCondition::NothingUnpacked { volume: volume() }),
                600,
            ),
        );
        steps.push(
            Step::new(
                StepName::Recover,
                act(RestoreAction::Recover {
                    volume: volume(),
                    above: self.newest_timeline(),
                }),
                see(RestoreCondition::Recovered { volume: volume() }),
            )
            .timeout(seconds),
        );
        let aside = || self.aside.clone();
        steps.push(
            Step::new(
                StepName::KeepOld,
                act(RestoreAction::SwapIn {
                    volume: volume(),
                    aside: aside(),
                }),
                see(RestoreCondition::SwappedIn { volume: volume() }),
            )
            .timeout(60)
            .undo(
                vec![act(RestoreAction::SwapOut {
                    volume: volume(),
                    aside: aside(),
                })],
                see(RestoreCondition::SwappedOut { volume: volume() }),
                60,
            ),
        );
        let others = self.others_to_keep();
        if !others.is_empty() {
            let keep = RestoreAction::KeepAside {
                volumes: others.clone(),
                aside: aside(),
            };
            let back = RestoreAction::PutBack {
                volumes: others,
                aside: aside(),
            };
            steps.push(
                Step::new(StepName::KeepOthers, act(keep), Condition::Answered)
                    .timeout(OPEN_SECONDS)
                    .undo(vec![act(back)], Condition::Answered, OPEN_SECONDS),
            );
        }
        steps.push(self.name_primary());
        steps.push(
            Step::new(StepName::CloseVolume, close, closed)
                .timeout(120)
                .undo(vec![open], opened, OPEN_SECONDS),
        );
        steps.extend(self.start());
        steps
    }

    /// Both StatefulSets to 0, the one with the primary last, and proof that nothing runs.
    fn stop(&self) -> Vec<Step> {
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
            .map(|old| pod_ref(old).name);
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
                Condition::Restore(RestoreCondition::PodsGone { pods }),
            )
            .timeout(STOP_SECONDS)
            .undo(vec![scale(set.wanted)], back, START_SECONDS),
        )
    }

    /// Every pod that a StatefulSet has or is about to have.
    fn pods(&self, set: &StatefulSetFacts) -> Vec<String> {
        let instances = &self.scene.snapshot.instances;
        let highest = instances
            .iter()
            .filter(|it| it.pod.component == set.component)
            .map(|it| it.pod.ordinal + 1)
            .max()
            .unwrap_or(0);
        let count = highest.max(set.wanted).max(set.existing);
        (0..count)
            .map(|number| format!("{}-{number}", set.name))
            .collect()
    }

    fn newest_timeline(&self) -> u32 {
        let here = self
            .scene
            .snapshot
            .instances
            .iter()
            .filter_map(Instance::facts)
            .map(|facts| facts.timeline.0);
        here.max().unwrap_or(0).max(self.scene.backup().timeline.0)
    }

    /// The topology names the pod and its system. Nothing runs that could heed it too early.
    fn name_primary(&self) -> Step {
        let topology = &self.scene.snapshot.topology;
        let term = topology.term + 1;
        let system = self.scene.backup().system_identifier.clone();
        let before = self
            .old
            .and_then(Instance::facts)
            .map(|facts| facts.system_identifier.clone())
            .or_else(|| topology.system_identifier.clone());
        let old = self
            .old
            .map_or_else(|| topology.primary.clone(), |old| old.name().to_owned());
        let mut back = Vec::new();
        if before.is_none() {
            back.push(Action::Restore(RestoreAction::ForgetSystem {
                config_map: self.config_map.clone(),
            }));
        }
        back.push(Action::WriteTopology {
            config_map: self.config_map.clone(),
            primary: old.clone(),
            term: term + 1,
            system_identifier: before.unwrap_or_default(),
        });
        let named = |primary: &str, term| Condition::Topology {
            config_map: self.config_map.clone(),
            primary: primary.to_owned(),
            term,
        };
        Step::new(
            StepName::NamePrimary,
            Action::WriteTopology {
                config_map: self.config_map.clone(),
                primary: self.target.clone(),
                term,
                system_identifier: system,
            },
            named(&self.target, term),
        )
        .undo(back, named(&old, term + 1), 60)
    }

    /// The restored pod, the Service, and then the replicas.
    fn start(&self) -> Vec<Step> {
        let seconds = self.scene.request.timeout_seconds;
        let set = self.primary_set.name.clone();
        let scale = |stateful_set: &str, replicas| Action::Scale {
            stateful_set: stateful_set.to_owned(),
            replicas,
        };
        let stopped = Condition::Restore(RestoreCondition::PodsGone {
            pods: vec![self.target.clone()],
        });
        let mut steps = vec![
            Step::new(
                StepName::StartPrimary,
                scale(&set, 1),
                Condition::Writable {
                    pod: self.target.clone(),
                },
            )
            .timeout(START_SECONDS)
            .undo(vec![scale(&set, 0)], stopped, STOP_SECONDS),
            Step::new(
                StepName::ProveRestored,
                Action::Write {
                    pod: self.target.clone(),
                },
                Condition::Restore(RestoreCondition::Restored {
                    pod: self.target.clone(),
                    system_identifier: self.scene.backup().system_identifier.clone(),
                }),
            )
            .timeout(60),
        ];
        steps.extend(self.point_service());
        let renewed = self.claims_to_renew();
        if !renewed.is_empty() {
            let delete = RestoreAction::DeleteClaims {
                claims: renewed.clone(),
            };
            let gone = RestoreCondition::ClaimsGone { claims: renewed };
            steps.push(
                Step::new(
                    StepName::RenewReplicas,
                    Action::Restore(delete),
                    Condition::Restore(gone),
                )
                .requires(Condition::Writable {
                    pod: self.target.clone(),
                })
                .timeout(120)
                .point_of_no_return(),
            );
        }
        if let Some(replicas) = self.replica_set.filter(|set| set.wanted > 0) {
            let pods = (0..replicas.wanted)
                .map(|number| format!("{}-{number}", replicas.name))
                .collect();
            let streaming = Condition::Streaming {
                upstream: self.target.clone(),
                pods,
            };
            let name = replicas.name.clone();
            steps.push(
                Step::new(
                    StepName::StartReplicas,
                    scale(&name, replicas.wanted),
                    streaming,
                )
                .timeout(seconds)
                .reported(),
            );
        }
        steps.extend(self.restore_autoscaler());
        steps
    }

    fn point_service(&self) -> Option<Step> {
        let service = self.scene.snapshot.service(ServicePurpose::Write)?;
        let (selector, remember) = write_selector(service, &self.target, Component::Primary);
        let before = service
            .annotations
            .get(ORIGINAL_SELECTOR)
            .and_then(|json| serde_json::from_str(json).ok());
        let old = self
            .old
            .map_or_else(|| self.target.clone(), |old| old.name().to_owned());
        let back = Action::PointService {
            service: service.name.clone(),
            pod: old,
            selector: service.selector.clone(),
            remember: before,
        };
        Some(
            Step::new(
                StepName::PointService,
                Action::PointService {
                    service: service.name.clone(),
                    pod: self.target.clone(),
                    selector,
                    remember,
                },
                Condition::ServiceLeadsTo {
                    service: service.name.clone(),
                    pod: self.target.clone(),
                },
            )
            .timeout(60)
            .undo(vec![back], Condition::Answered, 30),
        )
    }

    /// A minimum that a failover has raised is not needed any more: the primary is home.
    fn restore_autoscaler(&self) -> Option<Step> {
        let autoscaler = self.scene.snapshot.autoscaler.as_ref()?;
        let minimum = remembered_minimum(self.scene.snapshot)?;
        Some(
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
            .reported(),
        )
    }
}

/// The pod that works on the volume of `pod`. Its name fits: a StatefulSet's name is at most 63
/// characters with its ordinal, and a pod's may have 253.
fn handle(pod: &str, claim: &str, stateful_set: &str) -> VolumeHandle {
    VolumeHandle {
        pod: format!("{pod}-restore"),
        claim: claim.to_owned(),
        stateful_set: stateful_set.to_owned(),
    }
}
