//! What only a restore does.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::objects::ClaimRef;
use crate::cluster::words;
use crate::recovery::RecoveryTarget;

/// A database that is loaded under a name of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    /// Its name in the backup.
    pub database: String,
    /// Its archive in the backup.
    pub file: String,
    /// The name under which it is loaded.
    pub into: String,
    /// Whether everything goes into the default tablespace, because its own are not there.
    pub default_tablespace: bool,
}

/// A loaded database and the place that it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Swap {
    /// Its name in the backup.
    pub database: String,
    /// Its archive in the backup, which has its settings and privileges.
    pub file: String,
    /// The name under which it was loaded.
    pub loaded: String,
    /// The name that it gets.
    pub name: String,
    /// The name that the one of before gets; none when there is none.
    pub aside: Option<String>,
    /// The one of before was empty and is not backed up: it is replaced only as long as that holds.
    #[serde(default)]
    pub empty: bool,
}

/// What the names of databases begin with that are loaded and not yet in place.
pub const LOADED: &str = "pgctl_load_";

/// A pod that works on a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeHandle {
    /// Name of that pod.
    pub pod: String,
    /// Name of the PersistentVolumeClaim.
    pub claim: String,
    /// The StatefulSet whose pod template it is made after.
    pub stateful_set: String,
    /// The throw-away server that it is the pod of; none: it is made for the work on the volume of another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ThrowAwayServer>,
}

/// A server beside the cluster, whose pod and claim are its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThrowAwayServer {
    /// The name that it was given.
    pub name: String,
    /// Id of the operation that makes it: what has been made by another is another's.
    pub operation: String,
}

/// Something that only a restore does.
///
/// Untagged, because both kinds were stored under the one key `restore` before they were types of their
/// own, and serde knows no tagged enum within a tagged enum of the same key. It is not guessed which of
/// the two is meant: no word of that key is in both, which a test holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RestoreAction {
    /// On the databases of a running server.
    Databases(DatabaseAction),
    /// On volumes, while no server runs on them.
    Volume(VolumeAction),
}

impl fmt::Display for RestoreAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Databases(action) => write!(f, "{action}"),
            Self::Volume(action) => write!(f, "{action}"),
        }
    }
}

impl RestoreAction {
    /// Whether it reads the backup.
    pub fn reads_backup(&self) -> bool {
        match self {
            Self::Databases(action) => match action {
                DatabaseAction::SafetyBackup { .. }
                | DatabaseAction::CreateRoles { .. }
                | DatabaseAction::LoadDatabases { .. }
                | DatabaseAction::SwapDatabases { .. }
                | DatabaseAction::ChangeRoles { .. } => true,
                DatabaseAction::DropRoles { .. }
                | DatabaseAction::DropDatabases { .. }
                | DatabaseAction::SwapBack { .. } => false,
            },
            Self::Volume(action) => match action {
                VolumeAction::Unpack { .. } | VolumeAction::FetchWal { .. } => true,
                VolumeAction::MakeClaim { .. }
                | VolumeAction::OpenVolume { .. }
                | VolumeAction::CloseVolume { .. }
                | VolumeAction::OpenVolumes { .. }
                | VolumeAction::CloseVolumes { .. }
                | VolumeAction::RemoveUnpacked { .. }
                | VolumeAction::Recover { .. }
                | VolumeAction::SwapIn { .. }
                | VolumeAction::SwapOut { .. }
                | VolumeAction::KeepAside { .. }
                | VolumeAction::PutBack { .. }
                | VolumeAction::ForgetSystem { .. }
                | VolumeAction::DeleteClaims { .. }
                | VolumeAction::Discard { .. }
                | VolumeAction::MakeServerClaim { .. }
                | VolumeAction::Serve { .. }
                | VolumeAction::DeleteServer { .. } => false,
            },
        }
    }
}

/// Something that only a logical restore does. As with every action, doing it again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "restore"
)]
pub enum DatabaseAction {
    /// Takes a backup of what was there, under the names of before.
    SafetyBackup {
        /// Name of the pod whose databases are meant.
        pod: String,
        /// The one database that was replaced; none: everything, with the roles.
        database: Option<String>,
        /// The databases that were replaced, and what they are called now.
        swaps: Vec<Swap>,
    },
    /// Makes roles as they are in the backup. One that exists is left as it is.
    CreateRoles {
        /// The pod on which.
        pod: String,
        /// The file of the roles in the backup.
        file: String,
        /// The roles; those of them that exist by now are left alone.
        roles: Vec<String>,
    },
    /// Drops those of these roles that exist.
    DropRoles {
        /// The pod on which.
        pod: String,
        /// By name, as in the backup.
        roles: Vec<String>,
    },
    /// Loads databases under names of their own. One that is whole is not loaded again.
    LoadDatabases {
        /// The pod on which.
        pod: String,
        /// Each with its archive, and the name under which it is loaded.
        databases: Vec<Load>,
    },
    /// Drops those of these databases that exist.
    DropDatabases {
        /// The pod on which.
        pod: String,
        /// By the names that they have on the server now.
        databases: Vec<String>,
    },
    /// Renames the loaded databases to what they are to be called, and those that were there out
    /// of their way: all at once.
    SwapDatabases {
        /// The pod on which.
        pod: String,
        /// Each with the name that it had, has, and leaves to what was there.
        swaps: Vec<Swap>,
        /// The file of the roles, when those that exist get passwords and attributes of it later:
        /// it is tried whether that works, and taken back.
        roles: Option<String>,
    },
    /// Gives roles that exist the passwords, attributes, settings and memberships of the backup.
    ChangeRoles {
        /// The pod on which.
        pod: String,
        /// The file of the roles in the backup.
        file: String,
    },
    /// Renames them back.
    SwapBack {
        /// The pod on which.
        pod: String,
        /// Each with the name that it had, has, and leaves to what was there.
        swaps: Vec<Swap>,
    },
}

impl fmt::Display for DatabaseAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SafetyBackup { pod, database, .. } => match database {
                Some(name) => write!(f, "back up {name} of {pod} as it was before"),
                None => write!(
                    f,
                    "back up everything on {pod} as it was before, with the roles"
                ),
            },
            Self::CreateRoles { pod, roles, .. } => {
                write!(
                    f,
                    "make {} on {pod}: {}",
                    count(roles.len(), "role"),
                    roles.join(", ")
                )
            }
            Self::DropRoles { roles, .. } => write!(f, "drop {}", roles.join(", ")),
            Self::LoadDatabases { pod, databases } => {
                let names: Vec<&str> = databases.iter().map(|it| it.database.as_str()).collect();
                let own = if names.len() == 1 {
                    "a name of its own"
                } else {
                    "names of their own"
                };
                write!(
                    f,
                    "load {} into {pod}, under {own}, and analyze: {}",
                    count(names.len(), "database"),
                    names.join(", ")
                )
            }
            Self::DropDatabases { databases, .. } => write!(f, "drop {}", databases.join(", ")),
            Self::SwapDatabases { swaps, .. } => {
                let each: Vec<String> = swaps
                    .iter()
                    .map(|swap| match &swap.aside {
                        Some(aside) => format!("{} (the present one becomes {aside})", swap.name),
                        None => swap.name.clone(),
                    })
                    .collect();
                write!(f, "put in place: {}", each.join(", "))
            }
            Self::SwapBack { .. } => write!(f, "put the databases of before back in place"),
            Self::ChangeRoles { pod, .. } => write!(
                f,
                "give roles on {pod} the passwords and attributes of the backup"
            ),
        }
    }
}

/// Something that only a physical restore does. As with every action, doing it again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "restore"
)]
pub enum VolumeAction {
    /// Makes a claim after the StatefulSet's template, unless it exists.
    MakeClaim {
        /// Name of the PersistentVolumeClaim.
        claim: String,
        /// Name of the StatefulSet.
        stateful_set: String,
    },
    /// Starts a pod that works on a volume, and waits until it runs.
    OpenVolume {
        /// The pod and the volume.
        volume: VolumeHandle,
    },
    /// Deletes that pod.
    CloseVolume {
        /// The pod and the volume.
        volume: VolumeHandle,
    },
    /// Starts a pod on each of several volumes, and waits until all of them run.
    OpenVolumes {
        /// The pods and the volumes.
        volumes: Vec<VolumeHandle>,
    },
    /// Deletes those pods.
    CloseVolumes {
        /// The pods and the volumes.
        volumes: Vec<VolumeHandle>,
    },
    /// Streams a base backup into a directory beside the data, and verifies it there.
    Unpack {
        /// The pod and the volume.
        volume: VolumeHandle,
        /// The archive in the backup.
        file: String,
        /// Major version that the server must have.
        major: u32,
        /// Architecture that the machine must have; empty when not known.
        architecture: String,
    },
    /// Fetches the archived WAL of the recovery beside what was unpacked, and compares it there.
    FetchWal {
        /// The pod and the volume.
        volume: VolumeHandle,
        /// How many segments.
        segments: u64,
        /// Bytes of them in the store.
        bytes: u64,
    },
    /// Deletes what was unpacked, and the WAL beside it.
    RemoveUnpacked {
        /// The pod and the volume.
        volume: VolumeHandle,
    },
    /// Recovers what was unpacked onto a new timeline, sets the passwords of the Secret, looks at
    /// every database, and shuts it down.
    Recover {
        /// The pod and the volume.
        volume: VolumeHandle,
        /// The new timeline must be higher than this one.
        above: u32,
        /// Where it ends in the WAL that was fetched; none: with the backup's own WAL.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<RecoveryTarget>,
    },
    /// Gives the data of before another name and puts what was unpacked in its place.
    SwapIn {
        /// The pod and the volume.
        volume: VolumeHandle,
        /// The name that the data of before gets.
        aside: String,
    },
    /// Puts the data of before back in its place.
    SwapOut {
        /// The pod and the volume.
        volume: VolumeHandle,
        /// The name that it has now.
        aside: String,
    },
    /// Gives the data on other volumes another name.
    KeepAside {
        /// The pods and the volumes.
        volumes: Vec<VolumeHandle>,
        /// The name that the data gets.
        aside: String,
    },
    /// Gives the data on other volumes its own name back.
    PutBack {
        /// The pods and the volumes.
        volumes: Vec<VolumeHandle>,
        /// The name that the data has now.
        aside: String,
    },
    /// Takes the system identifier out of the topology.
    ForgetSystem {
        /// Name of the ConfigMap that records the topology.
        config_map: String,
    },
    /// Deletes claims, and the data with them, unless they are others by now.
    DeleteClaims {
        /// By name and time of creation: another of the same name is not meant.
        claims: Vec<ClaimRef>,
    },
    /// Makes the claim of a throw-away server, as large as the StatefulSet's pods have it.
    MakeServerClaim {
        /// The pod and the volume.
        volume: VolumeHandle,
    },
    /// Lets the pod of a throw-away server start PostgreSQL on the data that is in place.
    Serve {
        /// The pod and the volume.
        volume: VolumeHandle,
    },
    /// Deletes the pod and the claim of a throw-away server that the same operation has made.
    DeleteServer {
        /// The pod and the volume.
        volume: VolumeHandle,
    },
    /// Deletes directories that restores have kept.
    Discard {
        /// The pod, and the directory in its volume.
        directories: Vec<(String, String)>,
    },
}

impl fmt::Display for VolumeAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MakeClaim { claim, .. } => write!(f, "make the claim {claim}"),
            Self::MakeServerClaim { volume } => write!(f, "make the claim {}", volume.claim),
            Self::Serve { volume } => write!(f, "start PostgreSQL on it in {}", volume.pod),
            Self::DeleteServer { volume } => {
                write!(f, "delete {} and {}", volume.pod, volume.claim)
            }
            Self::OpenVolume { volume } => {
                write!(f, "start {} to work on {}", volume.pod, volume.claim)
            }
            Self::CloseVolume { volume } => write!(f, "delete {}", volume.pod),
            Self::OpenVolumes { volumes } => {
                let names: Vec<&str> = volumes.iter().map(|it| it.claim.as_str()).collect();
                write!(f, "start pods to work on {}", names.join(", "))
            }
            Self::CloseVolumes { volumes } => {
                let names: Vec<&str> = volumes.iter().map(|it| it.pod.as_str()).collect();
                write!(f, "delete {}", names.join(", "))
            }
            Self::Unpack { volume, file, .. } if volume.server.is_some() => write!(
                f,
                "stream {file} into {}, and verify it there (pg_verifybackup)",
                volume.claim
            ),
            Self::Unpack { volume, file, .. } => write!(
                f,
                "stream {file} into {}, beside the data, and verify it there (pg_verifybackup)",
                volume.claim
            ),
            Self::FetchWal {
                volume,
                segments,
                bytes,
            } => write!(
                f,
                "fetch {} of archived WAL ({}) into {}, beside it, and compare each with its SHA-256",
                words::counted(*segments, "segment"),
                words::bytes(*bytes),
                volume.claim
            ),
            Self::RemoveUnpacked { volume } => write!(f, "remove it from {}", volume.claim),
            Self::Recover { above, target, .. } => match target {
                None => write!(
                    f,
                    "recover it there, onto a new timeline above {above}, and look at every database"
                ),
                Some(target) => write!(
                    f,
                    "recover it there, {target}, onto a new timeline above {above}, and look at every database"
                ),
            },
            Self::SwapIn { volume, .. } if volume.server.is_some() => {
                write!(f, "put it in place in {}", volume.claim)
            }
            Self::SwapIn { volume, aside } => write!(
                f,
                "keep the data in {} as {aside}, and put the restored data in its place",
                volume.claim
            ),
            Self::SwapOut { volume, .. } => {
                write!(f, "put the data of before back in {}", volume.claim)
            }
            Self::KeepAside { volumes, aside } => {
                let names: Vec<&str> = volumes.iter().map(|it| it.claim.as_str()).collect();
                write!(f, "keep the data in {} as {aside}", names.join(", "))
            }
            Self::PutBack { .. } => write!(f, "put the data of before back on every volume"),
            Self::ForgetSystem { config_map } => {
                write!(f, "take the system identifier out of {config_map}")
            }
            Self::DeleteClaims { claims } => {
                let names: Vec<&str> = claims.iter().map(|it| it.claim.as_str()).collect();
                write!(f, "delete the copies of the replicas: {}", names.join(", "))
            }
            Self::Discard { directories } => {
                let each: Vec<String> = directories
                    .iter()
                    .map(|(pod, directory)| format!("{directory} on {pod}"))
                    .collect();
                write!(f, "delete {}", each.join(", "))
            }
        }
    }
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("a {noun}")
    } else {
        format!("{number} {noun}s")
    }
}
