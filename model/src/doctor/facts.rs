//! What is asked besides the snapshot.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::known::Known;
use super::objects::ObjectsSeen;
use crate::cluster::{Health, Snapshot, StatefulSetFacts};
use crate::plan::{Drift, UnloggedTables};
use crate::wal::WalProtection;

/// All that the checks go by.
#[derive(Debug, Clone)]
pub struct DoctorFacts {
    /// What every command sees.
    pub snapshot: Snapshot,
    /// What `pgctl status` makes of it.
    pub health: Health,
    /// Objects that `pgctl status` does not look at.
    pub objects: ObjectsSeen,
    /// What each server says, in the order of the pods.
    pub servers: Vec<ServerSeen>,
    /// Roles whose password is their name, and those stored as MD5; they are the same on every server.
    pub passwords: Known<PasswordFacts>,
    /// Unlogged tables by database.
    pub unlogged: Known<Vec<UnloggedTables>>,
    /// The Secret's values, by what is wrong with them.
    pub secret: Known<SecretFacts>,
    /// The backups.
    pub backups: Known<BackupSeen>,
    /// What a store has of its WAL; none when that has no archive of it.
    pub archive: Known<Option<ArchiveSeen>>,
    /// What GitOps tools would do about changes of operations.
    pub drift: Vec<Drift>,
    /// Permissions that pgctl's commands need.
    pub access: Known<Vec<Access>>,
    /// An index counts as unused when the statistics that say so are at least so old, in seconds.
    pub statistics_seconds: f64,
}

/// What a server says, or why it says nothing.
#[derive(Debug, Clone)]
pub struct ServerSeen {
    /// Name of the pod.
    pub pod: String,
    /// The server as a whole.
    pub answer: Known<ServerAnswer>,
    /// Its databases by name.
    pub databases: BTreeMap<String, Known<DatabaseAnswer>>,
}

/// What a server says of itself (`src/postgres/doctor.rs` asks).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerAnswer {
    /// `version()`.
    pub version: String,
    /// `server_version_num`.
    pub version_number: u32,
    /// `data_checksums`.
    pub checksums: bool,
    /// `fsync`, `full_page_writes`.
    pub durable: bool,
    /// `pg_stat_database.checksum_failures`, of databases that have some.
    pub checksum_failures: Vec<ChecksumFailures>,
    /// `autovacuum_freeze_max_age`.
    pub freeze_max_age: u64,
    /// `autovacuum_multixact_freeze_max_age`.
    pub multixact_freeze_max_age: u64,
    /// `autovacuum` and `track_counts`.
    pub autovacuum: bool,
    /// Settings that could differ between pods and are not the default, by name.
    pub settings: Vec<SettingValue>,
    /// `shared_buffers`, in bytes.
    pub shared_buffers: u64,
    /// `work_mem`, in bytes.
    pub work_mem: u64,
    /// `maintenance_work_mem`, in bytes.
    pub maintenance_work_mem: u64,
    /// `autovacuum_max_workers`.
    pub autovacuum_workers: u64,
    /// `pg_hba_file_rules`; none when only a superuser may know.
    pub hba: Option<Vec<HbaLine>>,
    /// `ssl`.
    pub tls: bool,
    /// Clients by user, address and application.
    pub clients: Vec<ClientFacts>,
    /// Databases whose recorded collation version is another than the system's (PostgreSQL 15 and newer).
    pub collations: Vec<CollationFacts>,
    /// What is the same on every server; none of a standby, which is not asked.
    #[serde(default)]
    pub contents: Option<ServerContents>,
}

/// What a cluster holds, whichever server says it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerContents {
    /// Ages by database.
    pub ages: Vec<DatabaseAge>,
    /// Age of the oldest prepared transaction, in seconds; none when there is none.
    pub oldest_prepared_seconds: Option<f64>,
    /// Names of the databases that can be asked, the largest first.
    pub databases: Vec<String>,
}

/// Pages of a database that failed their checksum.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChecksumFailures {
    /// The database; empty for what belongs to none.
    pub database: String,
    /// Number since the statistics began.
    pub failures: u64,
    /// When the last was seen.
    pub last: Option<Timestamp>,
}

/// How old the oldest rows of a database are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseAge {
    /// Name of the database.
    pub database: String,
    /// `age(datfrozenxid)`, in transactions.
    pub transactions: u64,
    /// `mxid_age(datminmxid)`, in multixacts.
    pub multixacts: u64,
    /// It lets people in (`datallowconn`).
    pub connectable: bool,
    /// A `DROP DATABASE` of it was interrupted.
    pub invalid: bool,
}

/// A setting of a server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingValue {
    /// Name.
    pub name: String,
    /// Value with its unit.
    pub value: String,
}

/// A line of `pg_hba.conf`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HbaLine {
    /// Number of the line.
    pub line: u32,
    /// `local`, `host`, `hostssl`, ...
    pub kind: String,
    /// Databases, with commas.
    pub databases: String,
    /// Users, with commas.
    pub users: String,
    /// Address; none for `local`.
    pub address: Option<String>,
    /// The mask that goes with it; none where the address is a name or a word.
    pub netmask: Option<String>,
    /// `trust`, `scram-sha-256`, ...
    pub method: String,
}

/// Sessions of one user and application.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientFacts {
    /// Name of the role.
    pub user: String,
    /// `application_name`.
    pub application: String,
    /// Number of sessions.
    pub sessions: u32,
    /// The user is a superuser.
    pub superuser: bool,
    /// They come over the network, and not through the socket or from the pod itself.
    pub remote: bool,
    /// They are encrypted.
    pub tls: bool,
    /// They stream WAL: standbys, and base backups.
    pub replication: bool,
}

/// A collation of another version than the system has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CollationFacts {
    /// A database, or a collation in one.
    pub name: String,
    /// Version that is recorded.
    pub recorded: String,
    /// Version that the system has.
    pub actual: String,
}

/// What one database of a server says.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseAnswer {
    /// How it is used there.
    pub usage: DatabaseUsage,
    /// What it is, which is the same on every server, or matters on the primary alone; none of a standby, which is not
    /// asked. (The version of a collation is the system's; of the database's own it is asked on each server.)
    pub contents: Option<DatabaseContents>,
}

/// What is counted of a database on each server for itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseUsage {
    /// Indexes that were not used since the statistics began, of those that enforce nothing.
    pub unused_indexes: Vec<IndexUse>,
    /// Age of the statistics, in seconds.
    pub statistics_seconds: f64,
}

/// What a database is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseContents {
    /// Indexes that are not valid and not being made.
    pub invalid_indexes: Vec<IndexName>,
    /// Sequences of which three quarters are used.
    pub sequences: Vec<SequenceUse>,
    /// Collations of another version than the system has, that something here uses.
    pub collations: Vec<CollationFacts>,
    /// Everybody may create in the schema `public`.
    pub public_create: bool,
    /// Tables that autovacuum should have been at.
    pub behind: Vec<AutovacuumTable>,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexName {
    /// Name with its schema, quoted where it must be.
    pub index: String,
    /// Its table, likewise.
    pub table: String,
}

/// An index that is not used here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexUse {
    /// Name with its schema, quoted where it must be.
    pub index: String,
    /// Its table, likewise.
    pub table: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// A sequence, and how much of it is used.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SequenceUse {
    /// Name with its schema, quoted where it must be.
    pub sequence: String,
    /// `pg_sequences.last_value`.
    pub last: i64,
    /// The highest that it can have, or that the column it fills can.
    pub end: i64,
    /// Share that is used, in %.
    pub percent: f64,
}

/// A table with more dead rows than autovacuum ought to leave.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AutovacuumTable {
    /// Name with its schema, quoted where it must be.
    pub table: String,
    /// `n_dead_tup`.
    pub dead: u64,
    /// How many autovacuum waits for.
    pub threshold: u64,
}

/// What was found of the roles' passwords, by comparing and never by showing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PasswordFacts {
    /// Roles whose password is their name.
    pub like_name: Vec<String>,
    /// Roles whose password is stored as MD5.
    pub md5: Vec<String>,
    /// Roles that were not looked at: to compare takes a while for each.
    pub left_out: u64,
}

/// What is wrong with the Secret's values. The values themselves are in no fact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretFacts {
    /// Its name.
    pub name: String,
    /// Keys whose value is in a list of common passwords, or is the name of a user or of the key.
    pub guessable: Vec<String>,
    /// Keys whose value is shorter than 12 characters.
    pub short: Vec<String>,
    /// Keys that have the same value.
    pub same: Vec<String>,
}

/// The last verified backup.
#[derive(Debug, Clone, PartialEq)]
pub struct BackupSeen {
    /// Where was looked.
    pub store: String,
    /// The newest that is whole; none when there is none.
    pub newest: Option<(String, Timestamp)>,
    /// The last restore of one of them into a throw-away server: of which, when, and what failed.
    pub restored: Option<(String, Timestamp, Option<String>)>,
}

/// The archive of the WAL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveSeen {
    /// Where was looked.
    pub store: String,
    /// What it does for the cluster.
    pub protection: WalProtection,
}

/// A permission that commands of pgctl need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Access {
    /// `patch statefulsets.apps/scale`.
    pub permission: String,
    /// What needs it: `pgctl failover`; none when every command that looks does.
    pub command: Option<String>,
    /// Whether it is there.
    pub allowed: bool,
}

impl DoctorFacts {
    /// What the primary says; or why nobody knows.
    pub(super) fn of_primary(&self) -> Known<(&ServerSeen, &ServerAnswer, &ServerContents)> {
        let Some(primary) = self.snapshot.primary() else {
            return Err("there is no single primary to ask".to_owned());
        };
        let seen = self.servers.iter().find(|it| it.pod == primary.name());
        let seen = seen.ok_or_else(|| format!("{} was not asked", primary.name()))?;
        let answer = seen.answer.as_ref().map_err(String::clone)?;
        let contents = answer.contents.as_ref();
        let contents = contents
            .ok_or_else(|| format!("{} was a standby when it was asked", primary.name()))?;
        Ok((seen, answer, contents))
    }

    /// The StatefulSet of a pod.
    pub(super) fn set_of(&self, pod: &str) -> Option<&StatefulSetFacts> {
        let mut sets = self.snapshot.stateful_sets.iter();
        sets.find(|set| set.ordinal_of(pod).is_some())
    }
}
