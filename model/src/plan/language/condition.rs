//! Conditions that can be looked at in the cluster: what a step needs, and what proves it done.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::autoscaler::AutoscalerPatch;
use super::objects::{ClaimRef, PodRef};
use super::restore::{DatabaseCondition, RestoreCondition, VolumeCondition};

/// What standbys are to reach that serve reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServingGoal {
    /// The pod that they stream from.
    pub upstream: String,
    /// The read Service that is to lead to them; none where there is none.
    pub service: Option<String>,
    /// The standbys, by the names of their pods.
    pub pods: Vec<String>,
    /// How far behind one may be, in bytes of WAL.
    pub max_lag_bytes: u64,
}

/// Something that holds in the cluster or not, decided by looking and never by remembering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "condition"
)]
pub enum Condition {
    /// Nothing to look at: the action's own answer is the proof.
    Answered,
    /// `spec.minReplicas` of the autoscaler is this.
    AutoscalerMinimum {
        /// Name of the HorizontalPodAutoscaler.
        autoscaler: String,
        /// `spec.minReplicas`.
        minimum: u32,
    },
    /// The slots exist.
    Slots {
        /// The pod on which.
        pod: String,
        /// Names of the slots.
        slots: Vec<String>,
    },
    /// None of the slots exists.
    NoSlots {
        /// The pod on which.
        pod: String,
        /// Names of the slots.
        slots: Vec<String>,
    },
    /// The pod's object stays until it is released.
    RecordHeld {
        /// Whose object, by name and UID.
        pod: PodRef,
    },
    /// The pod's object is gone or not held.
    RecordReleased {
        /// Whose object, by name and UID.
        pod: PodRef,
    },
    /// The topology names this pod, in this term.
    Topology {
        /// Name of the ConfigMap that records the topology.
        config_map: String,
        /// The pod that it names as primary.
        primary: String,
        /// Grows by one with every change of the topology.
        term: u64,
    },
    /// The same; waiting for it teaches which pods of these names existed when it had been written:
    /// those may have read what it said before.
    Fenced {
        /// Name of the ConfigMap that records the topology.
        config_map: String,
        /// The pod that it names as primary.
        primary: String,
        /// Grows by one with every change of the topology.
        term: u64,
        /// Names of the pods whose end is needed.
        pods: Vec<String>,
    },
    /// The topology does not ask for the proof that these pods have ended.
    ProofsSettled {
        /// Name of the ConfigMap that records the topology.
        config_map: String,
        /// Names of the pods.
        pods: Vec<String>,
    },
    /// `spec.replicas` of the StatefulSet is this.
    Scaled {
        /// Name of the StatefulSet.
        stateful_set: String,
        /// `spec.replicas`.
        replicas: u32,
    },
    /// Every pod of this name that existed when the fence had been written has ended for good: it
    /// was seen being deleted, with a terminated container (the kubelet restarts nothing in a pod
    /// that is being deleted). An object that is just gone proves nothing: it may have been deleted
    /// by force, or with its node.
    Stopped {
        /// The pod that the plan was made for.
        pod: PodRef,
    },
    /// The same for a pod that was not replaced since, and its record says that it was a proper
    /// shutdown, and where its WAL ended.
    StoppedCleanly {
        /// The pod of this UID.
        pod: PodRef,
    },
    /// No pod of this name existed when the plan was made, and of those that existed when the fence
    /// had been written each has ended for good.
    PodAbsent {
        /// By name, whoever bears it.
        pod: String,
    },
    /// As [`Condition::Stopped`], for each of these pods.
    AllStopped {
        /// By name and UID, as the plan knew them.
        pods: Vec<PodRef>,
    },
    /// The objects of these pods are gone or not held.
    RecordsReleased {
        /// By name and UID, as the plan knew them.
        pods: Vec<PodRef>,
    },
    /// The pod of this name is another one than that with this UID, or than the one that had
    /// replaced it and was deleted in its place.
    PodReplaced {
        /// The pod that is to be gone, by name and UID.
        pod: PodRef,
    },
    /// The claim of this name is not the one of before. In a plan of an older version, which has no
    /// UID, also one that is being deleted: that says nothing yet of what is in it.
    ClaimGone {
        /// Name of the PersistentVolumeClaim.
        claim: String,
        /// `metadata.creationTimestamp` of the one of before.
        created: Option<Timestamp>,
        /// `metadata.uid` of the one of before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uid: Option<String>,
    },
    /// The claim of before is gone, or being deleted: it goes when its pod does, and whoever else
    /// holds it.
    ClaimEnding {
        /// Name of the PersistentVolumeClaim.
        claim: String,
        /// `metadata.uid` of the one of before.
        uid: Option<String>,
    },
    /// There is a claim of this name, and it is another one than that of before.
    ClaimReplaced {
        /// Name of the PersistentVolumeClaim.
        claim: String,
        /// `metadata.uid` of the one of before.
        uid: Option<String>,
    },
    /// The start script has been asked to clone the pod's data anew.
    CloneRequested {
        /// Name of the ConfigMap that records the topology.
        config_map: String,
        /// The pod that is to copy its data anew.
        pod: String,
        /// Names the request, as the start script reads it.
        request: String,
    },
    /// The standby has received, and replayed, more than the position of the old primary's shutdown
    /// record (which `pg_controldata` names by its start, so equal is not enough).
    CaughtUp {
        /// Name of the standby's pod.
        pod: String,
    },
    /// The candidate can still take over: its pod is not being deleted and its StatefulSet keeps it,
    /// and where a primary is to hand over to it, it streams from that and is not far behind.
    FitToTakeOver {
        /// Name of the candidate's pod.
        pod: String,
        /// Name of the StatefulSet that makes its pod.
        stateful_set: String,
        /// The pod that it streams from; none in an emergency.
        upstream: Option<String>,
        /// How far behind it may be, in bytes.
        max_lag_bytes: u64,
        /// The pod that it streams from may be being stopped already, by the very step that asks: it can't be asked any
        /// more then, nor called back, and that the candidate has everything is proven before the promotion.
        #[serde(default)]
        stopping: bool,
    },
    /// The server answers and is in recovery.
    InRecovery {
        /// Name of its pod.
        pod: String,
    },
    /// The server answers and accepts writes.
    Writable {
        /// Name of its pod.
        pod: String,
    },
    /// Nothing in the pod accepts writes, as far as can be seen: it does not answer soon, or is in
    /// recovery.
    NotWritable {
        /// Name of its pod.
        pod: String,
    },
    /// It still does not answer pgctl as a primary, though it is alive: else it would be asked.
    Unanswering {
        /// The old primary's pod.
        pod: String,
    },
    /// The standby has replayed everything that the old primary's shutdown shows that there was;
    /// without a record of that nothing is known to be missing.
    LacksNothingKnown {
        /// Name of the candidate's pod.
        pod: String,
    },
    /// Kubernetes counts the pod as ready.
    PodReady {
        /// Name of the pod.
        pod: String,
    },
    /// The Service's ready endpoints are exactly this pod.
    ServiceLeadsTo {
        /// Name of the Service.
        service: String,
        /// The one pod that it leads to.
        pod: String,
    },
    /// The Service is closed, and has no endpoint that takes connections.
    ServiceClosed {
        /// Name of the Service.
        service: String,
    },
    /// The same, and whoever is still led to where the Service led before meets no silence: every proxy had
    /// the time to act on it, or the pod there has promised to refuse connections until they had.
    ClientsLedTo {
        /// Name of the Service.
        service: String,
        /// The one pod that they are led to.
        pod: String,
    },
    /// The Service has this selector.
    ServiceSelects {
        /// Name of the Service.
        service: String,
        /// `spec.selector`, all of it.
        selector: BTreeMap<String, String>,
    },
    /// Each of the pods streams from the upstream.
    Streaming {
        /// The pod that they stream from.
        upstream: String,
        /// Names of the standbys' pods.
        pods: Vec<String>,
    },
    /// The pod streams from the upstream, and Kubernetes counts it as ready: it can take reads, and
    /// be promoted in turn.
    Back {
        /// The pod that it streams from.
        upstream: String,
        /// Name of the standby's pod.
        pod: String,
    },

    /// There is no pod of this UID any more.
    PodDeleted {
        /// The pod that is to be gone, by name and UID.
        pod: PodRef,
    },
    /// There is another pod of this name, made from this revision, and it serves again: it streams from the upstream, is
    /// not far behind, and Kubernetes counts it as ready. Or there is to be none: it was scaled away meanwhile.
    Restarted {
        /// The pod that was there before, by name and UID.
        pod: PodRef,
        /// The revision of its StatefulSet's template (label `controller-revision-hash`).
        revision: String,
        /// The pod that it streams from.
        upstream: String,
        /// How far behind it may be, in bytes.
        max_lag_bytes: u64,
    },

    // Scaling, the autoscaler, synchronous replication.
    /// The autoscaler is as this patch makes it.
    AutoscalerIs {
        /// What the JSON merge patch sets.
        patch: AutoscalerPatch,
    },
    /// Each of the pods streams from the upstream, is not far behind, is ready, and gets the reads
    /// of the Service.
    Serving(ServingGoal),
    /// None of these pods exists any more, nor another of the same name.
    PodsGone {
        /// By name and UID, as the plan knew them.
        pods: Vec<PodRef>,
    },
    /// None of the slots exists on the first server, nor on any of the others that answers.
    Forgotten {
        /// The pods on which.
        servers: Vec<String>,
        /// Names of the slots.
        slots: Vec<String>,
    },
    /// No pod has one of the claims, nor will get one: no such pod exists, and its StatefulSet wants
    /// fewer.
    ClaimsUnused {
        /// By name and time of creation: another of the same name is not meant.
        claims: Vec<ClaimRef>,
    },
    /// None of the claims is the one of before.
    ClaimsGone {
        /// By name and time of creation: another of the same name is not meant.
        claims: Vec<ClaimRef>,
    },
    /// None of these standbys that stream from the server is far from having what it has just written.
    NobodyLags {
        /// The server.
        pod: String,
        /// The standbys.
        standbys: Vec<String>,
    },
    /// The server goes by this `max_standby_streaming_delay`.
    StandbyDelay {
        /// Whose server is asked.
        pod: String,
        /// The value, in milliseconds; -1 waits for ever.
        milliseconds: i64,
    },
    /// `synchronous_standby_names` is this, nobody else confirms commits any more, and as many of
    /// the standbys as are asked for have confirmed all that was written until then.
    Synchronous {
        /// Whose server is asked, and whose commits wait.
        pod: String,
        /// Value of `synchronous_standby_names`.
        names: String,
        /// application_name of those that may confirm commits.
        standbys: Vec<String>,
        /// How many have to; 0 asks for nothing but the value.
        count: u32,
    },
    /// It is kept in mind for how many standbys commits wait.
    SynchronousRecorded {
        /// Name of the ConfigMap that records the topology.
        config_map: String,
        /// How many; none when nothing is recorded.
        standbys: Option<u32>,
    },
    /// Something that only a restore looks at.
    Restore(RestoreCondition),
}

impl From<DatabaseCondition> for Condition {
    fn from(it: DatabaseCondition) -> Self {
        Self::Restore(RestoreCondition::Databases(it))
    }
}

impl From<VolumeCondition> for Condition {
    fn from(it: VolumeCondition) -> Self {
        Self::Restore(RestoreCondition::Volume(it))
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered => write!(f, "it answered"),
            Self::AutoscalerMinimum {
                autoscaler,
                minimum,
            } => write!(f, "minReplicas of {autoscaler} is {minimum}"),
            Self::Slots { pod, slots } => write!(f, "{pod} has {}", slots.join(", ")),
            Self::NoSlots { pod, slots } => write!(f, "{pod} has no {}", slots.join(", ")),
            Self::RecordHeld { pod } => write!(f, "the object of {} is kept", pod.name),
            Self::RecordReleased { pod } => write!(f, "the object of {} is not kept", pod.name),
            Self::Topology { primary, term, .. } | Self::Fenced { primary, term, .. } => {
                write!(f, "the topology names {primary}, term {term}")
            }
            Self::ProofsSettled { pods, .. } => {
                write!(f, "nothing is to be proven of {} any more", pods.join(", "))
            }
            Self::AllStopped { pods } => write!(f, "{} stopped", are(&names(pods))),
            Self::RecordsReleased { pods } => {
                write!(f, "the objects of {} are not kept", names(pods).join(", "))
            }
            Self::Scaled {
                stateful_set,
                replicas,
            } => write!(f, "{stateful_set} is scaled to {replicas}"),
            Self::Stopped { pod } => write!(f, "{} is stopped", pod.name),
            Self::StoppedCleanly { pod } => {
                write!(f, "{} is shut down, with a clean record", pod.name)
            }
            Self::PodAbsent { pod } => write!(f, "there is no pod {pod}"),
            Self::PodReplaced { pod } => write!(f, "{} is a new pod", pod.name),
            Self::CloneRequested { pod, .. } => write!(f, "{pod} is asked to clone anew"),
            Self::ClaimGone { claim, .. } => write!(f, "the claim {claim} is deleted"),
            Self::ClaimEnding { claim, .. } => write!(f, "the claim {claim} is being deleted"),
            Self::ClaimReplaced { claim, .. } => write!(f, "there is a new claim {claim}"),
            Self::CaughtUp { pod } => {
                write!(f, "{pod} has replayed everything up to the shutdown")
            }
            Self::FitToTakeOver { pod, upstream, .. } => match upstream {
                Some(upstream) => {
                    write!(
                        f,
                        "{pod} streams from {upstream}, is not far behind and stays"
                    )
                }
                None => write!(f, "{pod} stays"),
            },
            Self::InRecovery { pod } => write!(f, "{pod} is in recovery"),
            Self::Writable { pod } => write!(f, "{pod} accepts writes"),
            Self::NotWritable { pod } => write!(f, "{pod} does not accept writes"),
            Self::Unanswering { pod } => write!(f, "{pod} does not answer pgctl"),
            Self::LacksNothingKnown { pod } => write!(
                f,
                "{pod} has replayed everything that the old primary is known to have had"
            ),
            Self::PodReady { pod } => write!(f, "{pod} is ready"),
            Self::ServiceLeadsTo { service, pod } => write!(f, "{service} leads to {pod}"),
            Self::ServiceClosed { service } => write!(f, "{service} leads to nothing"),
            Self::ClientsLedTo { service, pod } => {
                write!(
                    f,
                    "{service} leads to {pod}, and no connection through it can hang"
                )
            }
            Self::ServiceSelects { service, .. } => write!(f, "{service} selects them"),
            Self::Streaming { upstream, pods } => {
                write!(
                    f,
                    "{} from {upstream}",
                    match pods.as_slice() {
                        [one] => format!("{one} streams"),
                        several => format!("{} stream", several.join(", ")),
                    }
                )
            }
            Self::Back { upstream, pod } => write!(f, "{pod} streams from {upstream} and is ready"),
            Self::PodDeleted { pod } => write!(f, "the pod {} is gone", pod.name),
            Self::Restarted { pod, upstream, .. } => write!(
                f,
                "a new pod {} streams from {upstream}, has caught up and is ready",
                pod.name
            ),
            Self::AutoscalerIs { patch } => {
                write!(f, "{} is set to {}", patch.autoscaler, patch.bounds)
            }
            Self::Serving(ServingGoal {
                upstream,
                service,
                pods,
                ..
            }) => {
                let streaming = Self::Streaming {
                    upstream: upstream.clone(),
                    pods: pods.clone(),
                };
                match (service, pods.len()) {
                    (Some(service), 1) => write!(f, "{streaming} and serves reads ({service})"),
                    (Some(service), _) => write!(f, "{streaming} and serve reads ({service})"),
                    (None, _) => write!(f, "{streaming}, ready"),
                }
            }
            Self::PodsGone { pods } => {
                write!(f, "{} gone", are(&names(pods)))
            }
            Self::Forgotten { slots, .. } => write!(f, "no server has {}", slots.join(", ")),
            Self::ClaimsUnused { claims } => {
                let names: Vec<&str> = claims.iter().map(|it| it.claim.as_str()).collect();
                write!(f, "no pod has {}", names.join(" or "))
            }
            Self::ClaimsGone { claims } => {
                let names: Vec<&str> = claims.iter().map(|it| it.claim.as_str()).collect();
                write!(f, "{} deleted", are(&names))
            }
            Self::NobodyLags { pod, .. } => {
                write!(f, "no standby would hold up the shutdown of {pod}")
            }
            Self::StandbyDelay { pod, milliseconds } => {
                write!(
                    f,
                    "max_standby_streaming_delay on {pod} is {milliseconds} ms"
                )
            }
            Self::Synchronous { pod, count: 0, .. } => write!(f, "{pod} goes by it"),
            Self::Synchronous { pod, count, .. } => {
                write!(
                    f,
                    "{pod} goes by it, and {count} of them have all that it has"
                )
            }
            Self::SynchronousRecorded { .. } => write!(f, "it is recorded"),
            Self::Restore(condition) => write!(f, "{condition}"),
        }
    }
}

fn names(pods: &[PodRef]) -> Vec<&str> {
    pods.iter().map(|it| it.name.as_str()).collect()
}

/// `a is`, `a, b are`.
fn are(names: &[&str]) -> String {
    let word = if names.len() == 1 { "is" } else { "are" };
    format!("{} {word}", names.join(", "))
}
