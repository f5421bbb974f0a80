//! What only a restore looks at.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::objects::ClaimRef;
use super::action::{Load, Swap, VolumeHandle};

/// Something that only a restore looks at.
///
/// Untagged, because both kinds were stored under the one key `restore` before they were types of their
/// own, and serde knows no tagged enum within a tagged enum of the same key. It is not guessed which of
/// the two is meant: no word of that key is in both, which a test holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RestoreCondition {
    /// In the databases of a running server.
    Databases(DatabaseCondition),
    /// On volumes, and in the pods on them.
    Volume(VolumeCondition),
}

impl fmt::Display for RestoreCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Databases(condition) => write!(f, "{condition}"),
            Self::Volume(condition) => write!(f, "{condition}"),
        }
    }
}

/// Something about databases that holds or not, decided by looking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "restore"
)]
pub enum DatabaseCondition {
    /// Every one of the roles exists.
    Roles {
        /// The pod on which.
        pod: String,
        /// By name, as in the backup.
        roles: Vec<String>,
    },
    /// None of the roles exists.
    NoRoles {
        /// The pod on which.
        pod: String,
        /// By name, as in the backup.
        roles: Vec<String>,
    },
    /// Every database was loaded to its end.
    Loaded {
        /// The pod on which.
        pod: String,
        /// Each with its archive, and the name under which it is loaded.
        databases: Vec<Load>,
    },
    /// None of the databases exists.
    NoDatabases {
        /// The pod on which.
        pod: String,
        /// By the names that they have on the server now.
        databases: Vec<String>,
    },
    /// Every loaded database is in its place.
    Swapped {
        /// The pod on which.
        pod: String,
        /// Each with the name that it had, has, and leaves to what was there.
        swaps: Vec<Swap>,
    },
    /// Every database of before is in its place.
    SwappedBack {
        /// The pod on which.
        pod: String,
        /// Each with the name that it had, has, and leaves to what was there.
        swaps: Vec<Swap>,
    },
    /// What was empty when this was planned still is, under whichever name it has now.
    StillEmpty {
        /// The pod on which.
        pod: String,
        /// Each with the name that it had, has, and leaves to what was there.
        swaps: Vec<Swap>,
    },
    /// The safety backup is in the store, and has each database of before that is still there.
    BackedUp {
        /// The pod on which.
        pod: String,
        /// Each with the name that it had, has, and leaves to what was there.
        swaps: Vec<Swap>,
    },
    /// Every standby has replayed what is written now.
    Followed {
        /// Name of the primary's pod.
        pod: String,
        /// The standbys that there were when this was planned.
        #[serde(default)]
        standbys: Vec<String>,
    },
}

impl fmt::Display for DatabaseCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Roles { pod, .. } => write!(f, "{pod} has them"),
            Self::NoRoles { pod, .. } => write!(f, "{pod} does not have them"),
            Self::Loaded { databases, .. } => match databases.as_slice() {
                [_] => write!(f, "it was loaded to its end"),
                _ => write!(f, "all {} were loaded to their ends", databases.len()),
            },
            Self::NoDatabases { pod, .. } => write!(f, "{pod} does not have them"),
            Self::Swapped { .. } => write!(f, "each has its name"),
            Self::SwappedBack { .. } => write!(f, "each has the name of before"),
            Self::StillEmpty { swaps, .. } => {
                let names: Vec<&str> = swaps.iter().map(|it| it.name.as_str()).collect();
                write!(f, "what was there as {} is still empty", names.join(", "))
            }
            Self::BackedUp { .. } => {
                write!(f, "the safety backup has each database that was replaced")
            }
            Self::Followed { pod, standbys } => match standbys.as_slice() {
                [] => write!(f, "{pod} has no standby that has to replay it"),
                names => write!(
                    f,
                    "every standby ({}) has replayed what {pod} has written",
                    names.join(", ")
                ),
            },
        }
    }
}

/// Something about volumes and their pods that holds or not, decided by looking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "restore"
)]
pub enum VolumeCondition {
    /// None of the pods exists.
    PodsGone {
        /// Names of the pods.
        pods: Vec<String>,
    },
    /// The claim exists.
    ClaimThere {
        /// Name of the PersistentVolumeClaim.
        claim: String,
    },
    /// The claims do not exist, are being deleted, or are others by now.
    ClaimsGone {
        /// By name and time of creation: another of the same name is not meant.
        claims: Vec<ClaimRef>,
    },
    /// The pod that works on a volume runs.
    VolumeOpen {
        /// The pod and the volume.
        volume: VolumeHandle,
    },
    /// The pod that works on a volume is gone.
    VolumeClosed {
        /// The pod and the volume.
        volume: VolumeHandle,
    },
    /// On each of the volumes that exist a pod runs that works on it.
    VolumesOpen {
        /// The pods and the volumes.
        volumes: Vec<VolumeHandle>,
    },
    /// None of the pods that work on the volumes exists.
    VolumesClosed {
        /// The pods and the volumes.
        volumes: Vec<VolumeHandle>,
    },
    /// The base backup was unpacked and verified.
    Unpacked {
        /// The pod and the volume.
        volume: VolumeHandle,
    },
    /// Nothing unpacked is left.
    NothingUnpacked {
        /// The pod and the volume.
        volume: VolumeHandle,
    },
    /// The WAL of the recovery lies beside what was unpacked, or was replayed.
    WalThere {
        /// The pod and the volume.
        volume: VolumeHandle,
    },
    /// What was unpacked was recovered and shut down.
    Recovered {
        /// The pod and the volume.
        volume: VolumeHandle,
    },
    /// The restored data is in place.
    SwappedIn {
        /// The pod and the volume.
        volume: VolumeHandle,
    },
    /// The data of before is in place.
    SwappedOut {
        /// The pod and the volume.
        volume: VolumeHandle,
    },
    /// The claim of a throw-away server is there, as the same operation has made it.
    ServerClaim {
        /// The pod and the volume.
        volume: VolumeHandle,
    },
    /// The pod and the claim of a throw-away server are gone, or are others by now.
    ServerGone {
        /// The pod and the volume.
        volume: VolumeHandle,
    },
    /// The server accepts writes and is of this system.
    Restored {
        /// Name of its pod.
        pod: String,
        /// PostgreSQL's number of the data, the same in every copy of it.
        system_identifier: String,
    },
}

impl fmt::Display for VolumeCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PodsGone { pods } => match pods.as_slice() {
                [one] => write!(f, "there is no pod {one}"),
                several => write!(f, "there is none of the pods {}", several.join(", ")),
            },
            Self::ClaimThere { claim } => write!(f, "the claim {claim} exists"),
            Self::ClaimsGone { .. } => write!(f, "the claims are deleted"),
            Self::VolumeOpen { volume } => write!(f, "{} runs", volume.pod),
            Self::VolumeClosed { volume } => write!(f, "{} is gone", volume.pod),
            Self::VolumesOpen { .. } => write!(f, "all of them run"),
            Self::VolumesClosed { .. } => write!(f, "all of them are gone"),
            Self::Unpacked { .. } => write!(f, "every file is as the backup's manifest says"),
            Self::WalThere { .. } => write!(f, "every segment is there as it was archived"),
            Self::NothingUnpacked { .. } => write!(f, "nothing of it is left"),
            Self::Recovered { .. } => write!(f, "it is shut down in order"),
            Self::ServerClaim { volume } => write!(f, "the claim {} exists", volume.claim),
            Self::ServerGone { volume } => {
                write!(f, "{} and {} are gone", volume.pod, volume.claim)
            }
            Self::SwappedIn { volume } => write!(f, "{} holds the restored data", volume.claim),
            Self::SwappedOut { volume } => write!(f, "{} holds the data of before", volume.claim),
            Self::Restored {
                pod,
                system_identifier,
            } => write!(f, "{pod} accepts writes, as system {system_identifier}"),
        }
    }
}
