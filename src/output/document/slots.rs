//! `kind: Slots`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::status::ClusterDocument;
use crate::cluster::{Role, ServerSlots, SlotKind, SlotReport, SlotUse, Snapshot, silent};
use crate::output::slots::who_answers;

/// The replication slots of every server that answers (`pgctl slots -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Slots", deny_unknown_fields)]
pub struct SlotsDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Slots`.
    #[schemars(extend("const" = "Slots"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// When the looking began.
    taken_at: Timestamp,
    /// Time between the two looks; null when only one was taken.
    sample_seconds: Option<f64>,
    /// The servers, the primary first.
    servers: Vec<ServerSlotsDocument>,
    /// The servers that have not told of their slots.
    silent: Vec<SilentServerDocument>,
}

/// A server of whose slots nothing is known.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct SilentServerDocument {
    /// Name of the server's pod.
    pod: String,
    /// Why it has not told of them.
    error: String,
}

/// The slots of one server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ServerSlotsDocument {
    /// Name of the server's pod.
    pod: String,
    /// `primary` or `standby`.
    role: &'static str,
    /// Bytes that the database may still write to its volume; null when unknown.
    free_bytes: Option<u64>,
    /// When the volume is full, if the WAL that is held back goes on growing like this; null when it does
    /// not grow, when a limit takes it away before, or when that is not known.
    full_in_seconds: Option<f64>,
    /// The slots, by what they hold back, the most first.
    slots: Vec<SlotUseDocument>,
}

/// A slot, and whom it is for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct SlotUseDocument {
    /// `slot_name`.
    name: String,
    /// `physical` or `logical`.
    kind: &'static str,
    /// The database of a logical slot.
    database: Option<String>,
    /// The output plugin of a logical slot.
    plugin: Option<String>,
    /// The pod that streams through it; null for any other consumer.
    r#for: Option<String>,
    /// Somebody streams from it.
    active: bool,
    /// It goes with the session that made it.
    temporary: bool,
    /// `wal_status`: `reserved`, `extended`, `unreserved`, `lost`; null when it reserves nothing.
    wal_status: Option<String>,
    /// It is a copy of the primary's slot of this name, kept for a failover (PostgreSQL 17 and newer).
    synced: bool,
    /// Why nobody can use it any more, in PostgreSQL's words; null while it is usable, and before 16.
    invalidation: Option<String>,
    /// Bytes of WAL that it holds back.
    retained_bytes: u64,
    /// How fast that grows, less than 0 when it shrinks; null when it was not seen twice.
    growth_bytes_per_second: Option<f64>,
    /// Bytes that may still be written before WAL that it needs is removed; null when unlimited.
    safe_bytes: Option<i64>,
    /// When WAL that it needs is removed, if it goes on growing like this; null when nothing limits it,
    /// when it does not grow, or when that is not known.
    lost_in_seconds: Option<f64>,
}

impl SlotsDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(snapshot: &Snapshot, report: &SlotReport) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Slots",
            cluster: (&snapshot.cluster).into(),
            taken_at: snapshot.taken,
            sample_seconds: report.sample_seconds,
            servers: report.servers.iter().map(Into::into).collect(),
            silent: silent(&who_answers(snapshot))
                .map(|(it, why)| SilentServerDocument {
                    pod: it.pod.clone(),
                    error: why.to_string(),
                })
                .collect(),
        }
    }
}

impl From<&ServerSlots> for ServerSlotsDocument {
    fn from(server: &ServerSlots) -> Self {
        Self {
            pod: server.pod.clone(),
            role: match server.role {
                Role::Primary => "primary",
                Role::Standby => "standby",
                Role::Unknown => "unknown",
            },
            free_bytes: server.free_bytes,
            full_in_seconds: server.full_in_seconds,
            slots: server.slots.iter().map(Into::into).collect(),
        }
    }
}

impl From<&SlotUse> for SlotUseDocument {
    fn from(slot: &SlotUse) -> Self {
        let facts = &slot.facts;
        let (kind, database, plugin) = match &facts.kind {
            SlotKind::Physical => ("physical", None, None),
            SlotKind::Logical {
                database, plugin, ..
            } => ("logical", Some(database.clone()), Some(plugin.clone())),
        };
        Self {
            name: facts.name.clone(),
            kind,
            database,
            plugin,
            r#for: slot.pod.clone(),
            active: facts.active,
            temporary: facts.temporary,
            wal_status: facts.wal_status.clone(),
            synced: matches!(facts.kind, SlotKind::Logical { synced: true, .. }),
            invalidation: facts.invalidation.clone(),
            retained_bytes: facts.retained_bytes,
            growth_bytes_per_second: slot.growth,
            safe_bytes: facts.safe_wal_bytes,
            lost_in_seconds: slot.lost_in_seconds,
        }
    }
}
