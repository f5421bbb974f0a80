//! What a restore is planned on besides the cluster: the backup, and the databases that there are.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::scope::{KeptData, RestoreKind};
use crate::cluster::{ClusterId, Timeline};
use crate::recovery::RecoveryWay;

/// `pgctl restore BACKUP`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreRequest {
    /// Replace what is there.
    pub clean: bool,
    /// Leave the backup of what is replaced away.
    pub no_safety_backup: bool,
    /// Only this database of the backup.
    pub database: Option<String>,
    /// None of these databases of the backup.
    #[serde(default)]
    pub except: Vec<String>,
    /// The name that it gets.
    pub rename: Option<String>,
    /// Go on although a GitOps tool may revert the changes.
    pub allow_drift: bool,
    /// Wait for somebody who looks before clients are let in, of a base backup.
    #[serde(default)]
    pub pause: bool,
    /// Into a throw-away server of this name, beside the cluster.
    #[serde(default)]
    pub into: Option<String>,
    /// How long moving the data may take, in seconds.
    pub timeout_seconds: u32,
}

/// What is known of the backup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupFacts {
    /// The backup's name in the store.
    pub id: String,
    /// The store that it is in.
    pub store: String,
    /// Whether it holds SQL of databases or a data directory.
    pub kind: RestoreKind,
    /// The cluster that it was taken of.
    pub cluster: ClusterId,
    /// When it began, by the clock of the machine that took it.
    pub taken: Timestamp,
    /// `server_version_num`.
    pub server_version: u32,
    /// Major version of the tool that has made it; none when it is not known.
    pub tool_major: Option<u32>,
    /// Whether it takes a key to read it.
    pub encrypted: bool,
    /// `uname -m` of the machine that it was taken on.
    pub architecture: String,
    /// PostgreSQL's number of the data, the same in every copy of it.
    pub system_identifier: String,
    /// The timeline of its WAL.
    pub timeline: Timeline,
    /// Bytes before they were compressed.
    pub raw_bytes: u64,
    /// What is wrong with it; empty: it was just read to its end and is whole.
    pub problems: Vec<String>,
    /// The file of a base backup, or that of the roles.
    pub main_file: Option<String>,
    /// The roles that it makes.
    pub roles: Vec<String>,
    /// The databases that the backup holds; empty for a data directory.
    pub databases: Vec<DatabaseInBackup>,
}

/// A database in the backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseInBackup {
    /// Name of the database, as it was on the server that was backed up.
    pub name: String,
    /// Name of the archive within the backup.
    pub file: String,
    /// `pg_database_size()` when it was taken.
    pub size_bytes: u64,
    /// Whether it holds anything that a new database does not.
    pub has_content: bool,
    /// Roles that own something in it, or are given privileges.
    pub roles: Vec<String>,
    /// Tablespaces that something lies in.
    pub tablespaces: Vec<String>,
    /// Extensions that it makes.
    pub extensions: Vec<String>,
}

/// A database of the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseHere {
    /// Name of the database.
    pub name: String,
    /// `pg_database_size()`.
    pub size_bytes: u64,
    /// Sessions of clients.
    pub sessions: u32,
    /// Whether it holds anything that a new database does not.
    pub has_content: bool,
    /// Whether anybody is let in (`allow_connections`): else it can't be backed up.
    pub connects: bool,
    /// What an interrupted DROP DATABASE has left: only DROP DATABASE helps.
    pub invalid: bool,
    /// Logical slots in it: it can't be dropped while they exist.
    pub logical_slots: Vec<String>,
    /// Prepared transactions in it.
    pub prepared: u32,
    /// Subscriptions in it.
    pub subscriptions: u32,
}

/// What is known of the server that a logical backup is restored into.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetFacts {
    /// The databases that the server has, templates left out.
    pub databases: Vec<DatabaseHere>,
    /// Names of the roles that the server has.
    pub roles: Vec<String>,
    /// Roles whose password is that of the Secret.
    pub secret_roles: Vec<String>,
    /// Names of the tablespaces that the server has.
    pub tablespaces: Vec<String>,
    /// Extensions that can be made there.
    pub extensions: Vec<String>,
    /// `uname -m` there.
    pub architecture: String,
}

/// What was found out for a restore besides the snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreCircumstances {
    /// What the manifest says of the backup.
    pub backup: BackupFacts,
    /// The primary; none when none answers.
    pub target: Option<TargetFacts>,
    /// The way through archived WAL to a moment; none: the backup alone.
    #[serde(default)]
    pub recovery: Option<RecoveryFacts>,
    /// Objects that have the names which a throw-away server would get, each with its kind.
    #[serde(default)]
    pub in_the_way: Vec<String>,
}

/// What is known of the archived WAL that leads to a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryFacts {
    /// The way.
    pub way: RecoveryWay,
    /// What is wrong with its segments, each by name; empty: all were just read to their ends.
    pub problems: Vec<String>,
}

/// `pgctl restore --discard-old`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscardRequest {
    /// Data that restores have kept, in the volumes of pods that run.
    pub kept: Vec<KeptFacts>,
    /// Volumes that could not be looked at, and why.
    pub unseen: Vec<String>,
}

/// Data that a restore has kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptFacts {
    /// The pod that can reach it.
    pub pod: String,
    /// On which claim it lies, and in which directory.
    pub data: KeptData,
    /// Its size, in bytes.
    pub bytes: u64,
}
