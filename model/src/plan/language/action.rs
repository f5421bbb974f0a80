//! What a step does, as data.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::autoscaler::AutoscalerPatch;
use super::objects::{ClaimRef, Follower, PodRef};
use super::restore::{DatabaseAction, RestoreAction, VolumeAction};
use crate::cluster::{Topology, databases_in_words};

/// Something that changes the cluster. Every action sets a state ("is 0", "names X"), so that doing
/// it again does nothing: an action that may have happened can be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "action"
)]
pub enum Action {
    /// Changes nothing; the step waits for its proof.
    Observe,
    /// Sets `spec.minReplicas` of the autoscaler.
    SetAutoscalerMinimum {
        /// Name of the HorizontalPodAutoscaler.
        autoscaler: String,
        /// `spec.minReplicas` from now on.
        minimum: u32,
        /// The minimum to remember in an annotation, to be put back on failback; none forgets it.
        remember: Option<u32>,
    },
    /// Makes physical slots that hold WAL from now on.
    CreateSlots {
        /// The pod on which.
        pod: String,
        /// Names of the slots.
        slots: Vec<String>,
    },
    /// Drops those of these physical slots that exist and that nobody streams through.
    DropSlots {
        /// The pod on which.
        pod: String,
        /// Names of the slots.
        slots: Vec<String>,
    },
    /// Asks the server for a checkpoint, so that its shutdown is short.
    Checkpoint {
        /// The pod on which.
        pod: String,
    },
    /// Puts a finalizer on the pod: its object, with the record of the shutdown in it, stays until
    /// it was read, even when this process dies.
    HoldRecord {
        /// Whose object is kept: of this UID and of no other.
        pod: PodRef,
    },
    /// Takes the finalizer off.
    ReleaseRecord {
        /// Whose object may go: of this UID and of no other.
        pod: PodRef,
    },
    /// Records which pod is primary, and annotates every pod with the term so that it sees the
    /// change at once.
    WriteTopology {
        /// Name of the ConfigMap that records the topology.
        config_map: String,
        /// The pod that is to be primary.
        primary: String,
        /// The term; only ever written over a lower one.
        term: u64,
        /// The cluster's system identifier.
        system_identifier: String,
        /// Names of pods whose end is to be proven from now on: that is kept in the ConfigMap, with
        /// their UIDs, until it is. The pod that is to be primary owes nothing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unproven: Vec<String>,
    },
    /// Takes out of the topology that the end of these pods is to be proven: it was.
    SettleProofs {
        /// Name of the ConfigMap that records the topology.
        config_map: String,
        /// Names of the pods.
        pods: Vec<String>,
    },
    /// Stops pods of earlier operations, whose end was never proven: keeps their objects, and then
    /// deletes each, gracefully, or scales the StatefulSet to 0 that would bring it back as primary.
    StopUnproven {
        /// StatefulSets to scale to 0.
        stateful_sets: Vec<String>,
        /// By name and UID, as the plan knew them.
        pods: Vec<PodRef>,
    },
    /// Takes the finalizers off that an operation has left on pods that have ended.
    ReleaseRecords {
        /// By name and UID, as the plan knew them.
        pods: Vec<PodRef>,
    },
    /// Scales a StatefulSet.
    Scale {
        /// Name of the StatefulSet.
        stateful_set: String,
        /// `spec.replicas`.
        replicas: u32,
    },
    /// Deletes a pod, gracefully, and only the one with this UID.
    DeletePod {
        /// The pod of this UID: one of the same name that came after it stays.
        pod: PodRef,
    },
    /// Evicts a pod (`pods/eviction`), and only the one with this UID: its disruption budgets have their say.
    EvictPod {
        /// The pod of this UID: one of the same name that came after it stays.
        pod: PodRef,
    },
    /// Gives a pod that is being stopped a while to end in order, and then little more: its grace
    /// period is shortened, never to nothing, so that its kubelet still confirms the end.
    HastenEnd {
        /// Whose end is hastened: of this UID and of no other.
        pod: PodRef,
        /// The while, in seconds.
        after_seconds: u32,
        /// The grace period after it, in seconds.
        grace_seconds: u32,
    },
    /// Asks the start script of a pod that is about to be stopped to stay for a moment after its server has stopped: its
    /// address refuses connections then, where one without its pod lets them hang.
    AskToLinger {
        /// The pod: of this UID and of no other.
        pod: PodRef,
        /// The term of the topology under which it is stopped. A topology above it that names the pod puts the stop back.
        term: u64,
    },
    /// Takes that back, where the pod can be asked. It passes by itself, too.
    ForgetLingering {
        /// The pod: of this UID and of no other.
        pod: PodRef,
    },
    /// Waits until a pod that is being deleted has ended; changes nothing. One that is not being
    /// deleted is not waited for.
    AwaitEnd {
        /// Whose end is waited for: of this UID and of no other.
        pod: PodRef,
    },
    /// Deletes a claim, and with it the data. One of another time of creation is left alone.
    DeleteClaim {
        /// Name of the PersistentVolumeClaim.
        claim: String,
        /// Its `metadata.creationTimestamp`.
        created: Option<Timestamp>,
    },
    /// Leaves a request for the start script to throw the data away and clone anew.
    RequestClone {
        /// The topology ConfigMap, where the start script looks for it.
        config_map: String,
        /// The pod that is to copy its data anew.
        pod: String,
        /// Names the request: the start script carries out each one once.
        request: String,
    },
    /// Lets poolers begin no more transactions, and waits until none is under way. It lasts as long as this process keeps
    /// saying so; when it dies or is cut off, the poolers go on by themselves.
    HoldClients {
        /// Names of the poolers' pods, as they were when it was planned: those are held that there are by then.
        poolers: Vec<String>,
        /// The pod that is the primary: where the poolers go on by themselves while nobody has stopped it.
        primary: String,
        /// How long the transactions may take that are under way, in seconds. Then nobody is held.
        limit_seconds: u32,
        /// Names of poolers that somebody had paused by hand: they stay so, unless somebody has resumed them by then.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        paused: Vec<String>,
        /// Databases that somebody had paused by hand, each alone, by the pooler: no hold begins or ends that.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        paused_databases: BTreeMap<String, Vec<String>>,
    },
    /// Lets poolers go on that this process holds, once their way leads to the primary; at the end of the time in any case.
    ReleaseClients {
        /// Names of the poolers' pods.
        poolers: Vec<String>,
        /// The pod that they have to reach; none lets them go on where they were.
        primary: Option<String>,
    },
    /// Promotes a standby.
    Promote {
        /// Name of its pod.
        pod: String,
    },
    /// Points a Service at a pod.
    PointService {
        /// Name of the Service.
        service: String,
        /// The pod that it shall lead to.
        pod: String,
        /// The selector to set.
        selector: BTreeMap<String, String>,
        /// The selector to remember in an annotation, to be put back on failback; none forgets it.
        remember: Option<BTreeMap<String, String>>,
        /// A standby that the Service has led to since the plan was made: who came to it keeps a session
        /// that can't write, so the sessions that have begun since are ended. None: nobody is sent away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strands_on: Option<String>,
    },
    /// Lets a Service lead to nothing: new connections are refused.
    CloseService {
        /// Name of the Service.
        service: String,
        /// The selector to set, which matches no pod.
        selector: BTreeMap<String, String>,
        /// The selector to remember in an annotation.
        remember: BTreeMap<String, String>,
    },
    /// Lets a Service for reads lead to the pods that serve them.
    SpreadReads {
        /// Name of the Service.
        service: String,
        /// The selector to set.
        selector: BTreeMap<String, String>,
        /// The selector to remember in an annotation, to be put back on failback; none forgets it.
        remember: Option<BTreeMap<String, String>>,
    },
    /// Makes standbys stream from another server, all at the same time.
    Repoint {
        /// The pod that they shall stream from.
        upstream: String,
        /// Name of its headless Service, which makes its host name.
        service: String,
        /// Each with the slot that it streams through.
        followers: Vec<Follower>,
    },
    /// Disconnects from a server those of these standbys that do not confirm what it has just written, and
    /// keeps them from coming back: its shutdown would wait for each of them. The others stay.
    DetachLaggards {
        /// The server that is to be shut down.
        pod: String,
        /// The standbys.
        followers: Vec<Follower>,
    },
    /// Commits a write.
    Write {
        /// The pod on which.
        pod: String,
    },

    // Scaling, the autoscaler, synchronous replication.
    /// Changes the autoscaler, with one patch.
    PatchAutoscaler {
        /// What it is like afterwards.
        patch: AutoscalerPatch,
    },
    /// Sees to it that pods with a volume of before can use it: where the start script says that
    /// only a fresh copy helps, that is asked for.
    MendVolumes {
        /// The topology ConfigMap, where the start script looks for the request.
        config_map: String,
        /// The pod that they are to stream from.
        upstream: String,
        /// By name, whoever bears it.
        pods: Vec<String>,
        /// Names the request to the start script, which answers it once.
        request: String,
    },
    /// Drops the slots of standbys that are gone, as soon as nobody streams through them.
    ForgetStandbys {
        /// The pods on which: the primary first, which has to answer.
        servers: Vec<String>,
        /// Names of the slots.
        slots: Vec<String>,
    },
    /// Deletes claims, and with them the data.
    DeleteClaims {
        /// By name and time of creation: another of the same name is not meant.
        claims: Vec<ClaimRef>,
    },
    /// Sets `max_standby_streaming_delay`.
    SetStandbyDelay {
        /// The pod on which.
        pod: String,
        /// The value in `postgresql.auto.conf`; none takes it out, so that the configuration file counts.
        value: Option<String>,
    },
    /// Sets `synchronous_standby_names`.
    SetSynchronous {
        /// The pod on which.
        pod: String,
        /// The value; empty when no commit is to wait.
        names: String,
    },
    /// Keeps in mind for how many standbys commits wait.
    RecordSynchronous {
        /// Name of the ConfigMap that records the topology.
        config_map: String,
        /// How many; none forgets it.
        standbys: Option<u32>,
    },
    /// Something that only a restore does.
    Restore(RestoreAction),
}

impl Action {
    /// Whether it only tidies: when it can't be done while something is taken back, the rest can be,
    /// and what stays does no harm but holding WAL, or cancelling queries on a standby sooner than before.
    pub fn only_tidies(&self) -> bool {
        matches!(
            self,
            Self::DropSlots { .. }
                | Self::SetStandbyDelay { .. }
                | Self::SetSynchronous { .. }
                | Self::ReleaseRecords { .. }
                | Self::ReleaseClients { .. }
        )
    }

    /// Whether it does more than the proof of its step shows: whoever finds that proof can't tell that
    /// all of it was done. Beside the topology the pods are annotated, whose start scripts go by it.
    pub fn goes_beyond_its_proof(&self) -> bool {
        matches!(self, Self::WriteTopology { .. })
    }

    /// The topology write that makes `topology` hold with a higher term.
    pub(crate) fn restore_topology(
        config_map: &str,
        topology: &Topology,
        term: u64,
        system_identifier: &str,
    ) -> Self {
        Self::WriteTopology {
            config_map: config_map.to_owned(),
            primary: topology.primary.clone(),
            term,
            system_identifier: system_identifier.to_owned(),
            unproven: Vec::new(),
        }
    }
}

impl From<DatabaseAction> for Action {
    fn from(it: DatabaseAction) -> Self {
        Self::Restore(RestoreAction::Databases(it))
    }
}

impl From<VolumeAction> for Action {
    fn from(it: VolumeAction) -> Self {
        Self::Restore(RestoreAction::Volume(it))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Observe => write!(f, "wait"),
            Self::SetAutoscalerMinimum {
                autoscaler,
                minimum,
                ..
            } => write!(f, "set minReplicas of {autoscaler} to {minimum}"),
            Self::CreateSlots { pod, slots } => {
                write!(
                    f,
                    "make {} on {pod}: {}",
                    plural(slots.len(), "slot"),
                    slots.join(", ")
                )
            }
            Self::DropSlots { pod, slots } => {
                write!(
                    f,
                    "drop {} on {pod}: {}",
                    plural(slots.len(), "slot"),
                    slots.join(", ")
                )
            }
            Self::Checkpoint { pod } => write!(f, "checkpoint on {pod}"),
            Self::HoldRecord { pod } => {
                write!(
                    f,
                    "keep the object of {} until its shutdown was read",
                    pod.name
                )
            }
            Self::ReleaseRecord { pod } => write!(f, "let the object of {} go", pod.name),
            Self::WriteTopology {
                config_map,
                primary,
                term,
                ..
            } => write!(
                f,
                "record {primary} as primary in {config_map}, term {term}"
            ),
            Self::SettleProofs { pods, .. } => {
                write!(f, "record that {} stopped", have(pods))
            }
            Self::StopUnproven { pods, .. } => {
                write!(f, "stop {}, whose end was never proven", names(pods))
            }
            Self::ReleaseRecords { pods } => write!(f, "let the object of {} go", names(pods)),
            Self::Scale {
                stateful_set,
                replicas,
            } => write!(f, "scale {stateful_set} to {replicas}"),
            Self::DeletePod { pod } => write!(f, "delete the pod {}", pod.name),
            Self::EvictPod { pod } => write!(f, "evict the pod {}", pod.name),
            Self::HastenEnd {
                pod,
                after_seconds,
                grace_seconds,
            } => write!(
                f,
                "let {} end; after {after_seconds} s, shorten its grace period to {grace_seconds} s",
                pod.name
            ),
            Self::AskToLinger { pod, .. } => write!(
                f,
                "let {} refuse connections for a moment once its server has stopped",
                pod.name
            ),
            Self::ForgetLingering { pod } => {
                write!(f, "let {} go at once when its server stops", pod.name)
            }
            Self::AwaitEnd { pod } => write!(f, "wait until {} has ended", pod.name),
            Self::DeleteClaim { claim, .. } => write!(f, "delete the claim {claim} and its data"),
            Self::RequestClone { pod, .. } => write!(f, "ask {pod} to clone its data anew"),
            Self::HoldClients {
                poolers,
                limit_seconds,
                paused,
                paused_databases,
                ..
            } => {
                write_hold(f, poolers, paused, *limit_seconds)?;
                let mut databases = paused_databases.iter();
                databases.try_for_each(|(pooler, names)| write_paused(f, pooler, names))
            }
            Self::ReleaseClients { poolers, .. } if poolers.is_empty() => {
                f.write_str("let the clients go on that are held by then")
            }
            Self::ReleaseClients { poolers, .. } => {
                write!(f, "let the clients of {} go on", poolers.join(", "))
            }
            Self::Promote { pod } => write!(f, "promote {pod}"),
            Self::PointService { service, pod, .. } => write!(f, "point {service} at {pod}"),
            Self::CloseService { service, .. } => {
                write!(f, "close {service}: it leads to nothing")
            }
            Self::SpreadReads {
                service,
                remember: None,
                ..
            } => write!(f, "let {service} lead to the replicas"),
            Self::SpreadReads { service, .. } => {
                write!(f, "let {service} lead to the pods of both StatefulSets")
            }
            Self::Repoint {
                upstream,
                followers,
                ..
            } => {
                let names: Vec<&str> = followers.iter().map(|it| it.pod.as_str()).collect();
                write!(f, "let {} stream from {upstream}", names.join(", "))
            }
            Self::DetachLaggards { pod, followers } => {
                let names: Vec<&str> = followers.iter().map(|it| it.pod.as_str()).collect();
                let names = names.join(" or ");
                write!(f, "disconnect {names} from {pod} if it does not keep up")
            }
            Self::Write { pod } => write!(f, "commit a write on {pod}"),
            Self::PatchAutoscaler { patch } => {
                write!(f, "set {} to {}", patch.autoscaler, patch.bounds)?;
                match &patch.metrics {
                    Some(_) => write!(f, ", with new targets"),
                    None => Ok(()),
                }
            }
            Self::MendVolumes { pods, .. } => {
                write!(
                    f,
                    "let {} use what was left behind, or copy anew where that can't follow",
                    pods.join(", ")
                )
            }
            Self::ForgetStandbys { servers, slots } => {
                write!(
                    f,
                    "drop {} on {}: {}",
                    plural(slots.len(), "slot"),
                    servers.join(", "),
                    slots.join(", ")
                )
            }
            Self::DeleteClaims { claims } => {
                let names: Vec<&str> = claims.iter().map(|it| it.claim.as_str()).collect();
                write!(f, "delete with their data: {}", names.join(", "))
            }
            Self::SetStandbyDelay { pod, value } => match value.as_deref() {
                Some("0") => write!(f, "let {pod} cancel queries that hold up its replay"),
                Some(value) => {
                    write!(f, "set max_standby_streaming_delay on {pod} to {value}")
                }
                None => write!(
                    f,
                    "let {pod} wait for queries as its configuration file says"
                ),
            },
            Self::SetSynchronous { pod, names } if names.is_empty() => {
                write!(f, "let commits on {pod} wait for no standby")
            }
            Self::SetSynchronous { pod, names } => {
                write!(f, "set synchronous_standby_names on {pod}: {names}")
            }
            Self::RecordSynchronous { standbys, .. } => match standbys {
                Some(count) => write!(f, "record that commits wait for {count}"),
                None => write!(f, "forget for how many commits wait"),
            },
            Self::Restore(action) => write!(f, "{action}"),
        }
    }
}

/// `a has`, `a, b have`.
fn have(pods: &[String]) -> String {
    let word = if pods.len() == 1 { "has" } else { "have" };
    format!("{} {word}", pods.join(", "))
}

/// Without poolers all of them were paused by hand when it was planned: somebody may have resumed one by then.
fn write_hold(
    f: &mut fmt::Formatter<'_>,
    poolers: &[String],
    paused: &[String],
    limit_seconds: u32,
) -> fmt::Result {
    let whose = match poolers {
        [] => "whoever is resumed by then".to_owned(),
        poolers => poolers.join(", "),
    };
    write!(
        f,
        "let the clients of {whose} wait, once their transactions have ended ({limit_seconds} s at most)"
    )?;
    match paused {
        [] => Ok(()),
        [only] => write!(f, "; {only} stays paused by hand"),
        several => write!(f, "; {} stay paused by hand", several.join(", ")),
    }
}

/// Nothing without databases.
fn write_paused(f: &mut fmt::Formatter<'_>, pooler: &str, databases: &[String]) -> fmt::Result {
    let stay = match databases.len() {
        1 => "stays",
        _ => "stay",
    };
    match databases_in_words(databases) {
        Some(words) => write!(f, "; {words} of {pooler} {stay} paused by hand"),
        None => Ok(()),
    }
}

fn names(pods: &[PodRef]) -> String {
    let names: Vec<&str> = pods.iter().map(|it| it.name.as_str()).collect();
    names.join(", ")
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("a {noun}")
    } else {
        format!("{count} {noun}s")
    }
}
