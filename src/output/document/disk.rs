//! `kind: Disk`.

use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::answers::role_word;
use super::status::ClusterDocument;
use crate::cluster::{
    ClusterId, DiskGrowth, DiskUsage, Mount, NamedBytes, PodAnswer, TableSpace, VolumeGrowth,
};
use crate::output::disk::DiskView;

/// What takes the space on the servers' volumes (`pgctl disk -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Disk", deny_unknown_fields)]
pub struct DiskDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Disk`.
    #[schemars(extend("const" = "Disk"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// How many percent of a volume may be used.
    max_used_percent: u8,
    /// The servers, the primary first.
    servers: Vec<ServerDiskDocument>,
}

/// A server, and what is on its volume.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ServerDiskDocument {
    /// Name of its pod.
    pod: String,
    /// `primary`, `standby`, or `unknown` when it did not say.
    role: &'static str,
    /// Why it did not answer; null when it did.
    error: Option<String>,
    /// What is there; null when it did not answer.
    usage: Option<UsageDocument>,
    /// How fast it grows; null when it was not seen twice.
    growth: Option<GrowthDocument>,
}

/// What is on the volume of a server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct UsageDocument {
    /// The file systems of its data, its WAL and its tablespaces, by `df` in the pod.
    volumes: Vec<MountDocument>,
    /// Whether one is fuller than `maxUsedPercent`.
    near_full: bool,
    /// Bytes of all databases.
    database_bytes: u64,
    /// Bytes of segments in `pg_wal`.
    wal_bytes: u64,
    /// `max_wal_size`.
    max_wal_bytes: u64,
    /// Bytes of temporary files that queries have written now.
    temp_bytes: u64,
    /// The databases, the largest first.
    databases: Vec<NamedBytesDocument>,
    /// The WAL that each slot holds back, the most first.
    slots: Vec<NamedBytesDocument>,
    /// The largest tables; null when they were not asked for.
    tables: Option<Vec<TableDocument>>,
    /// What could not be looked at, and why.
    unseen: Vec<String>,
}

/// A file system in a pod.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct MountDocument {
    /// Where it is mounted.
    path: String,
    /// Size in bytes.
    size_bytes: u64,
    /// Bytes that are used.
    used_bytes: u64,
    /// Bytes that may still be written.
    available_bytes: u64,
    /// How full it is, as `df` says it.
    used_percent: f64,
}

/// Something, and its bytes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct NamedBytesDocument {
    /// Its name.
    name: String,
    /// Size in bytes.
    bytes: u64,
}

/// A table, with its indexes and its TOAST.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct TableDocument {
    /// Name of its database.
    database: String,
    /// Its name with its schema, as it is written in a query.
    name: String,
    /// `pg_total_relation_size()`: rows, indexes and TOAST, in bytes.
    total_bytes: u64,
    /// The pages of its rows, in bytes.
    heap_bytes: u64,
    /// `pg_indexes_size()`, in bytes.
    index_bytes: u64,
    /// What is too long for its rows, in bytes.
    toast_bytes: u64,
    /// Bytes of its rows' pages that the rows do not need, estimated by the width of the columns and the number of rows at
    /// the last ANALYZE; null when that is not known.
    estimated_bloat_bytes: Option<u64>,
    /// `n_dead_tup`.
    dead_rows: u64,
    /// `n_live_tup`.
    live_rows: u64,
}

/// How fast it grows, in bytes per second, less than 0 when it shrinks.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct GrowthDocument {
    /// Between the two looks.
    sample_seconds: f64,
    /// The fullest volume; null when it was not seen twice.
    volume_bytes_per_second: Option<f64>,
    /// Each volume that was seen twice.
    volumes: Vec<VolumeGrowthDocument>,
    /// `pg_wal`.
    wal_bytes_per_second: f64,
    /// All databases.
    database_bytes_per_second: f64,
    /// When the first volume is full, if it goes on like this; null when none grows.
    full_in_seconds: Option<f64>,
}

/// How fast a volume grows.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct VolumeGrowthDocument {
    /// Where it is mounted.
    path: String,
    /// In bytes per second, less than 0 when it shrinks.
    bytes_per_second: f64,
    /// When it is full, if it goes on like this; null when it does not grow.
    full_in_seconds: Option<f64>,
}

impl DiskDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(cluster: &ClusterId, view: &DiskView) -> Self {
        let server = |it: &PodAnswer<DiskUsage>| ServerDiskDocument {
            pod: it.pod.clone(),
            role: role_word(it.role),
            error: it.answer.as_ref().err().map(ToString::to_string),
            usage: it
                .answer
                .as_ref()
                .ok()
                .map(|usage| usage_document(usage, view)),
            growth: view
                .growth
                .get(&it.pod)
                .map(|growth| GrowthDocument::new(growth, it.answer.as_ref().ok())),
        };
        Self {
            api_version: API_VERSION,
            kind: "Disk",
            cluster: cluster.into(),
            max_used_percent: view.max_used_percent,
            servers: view.answers.iter().map(server).collect(),
        }
    }
}

fn usage_document(usage: &DiskUsage, view: &DiskView) -> UsageDocument {
    let space = &usage.space;
    let tables = usage.tables.as_ref();
    UsageDocument {
        volumes: usage.mounts.iter().map(Into::into).collect(),
        near_full: view.is_near_full(usage),
        database_bytes: space.database_bytes(),
        wal_bytes: space.wal_bytes,
        max_wal_bytes: space.max_wal_bytes,
        temp_bytes: space.temp_bytes,
        databases: space.databases.iter().map(Into::into).collect(),
        slots: space.slots.iter().map(Into::into).collect(),
        tables: tables.map(|it| it.iter().map(Into::into).collect()),
        unseen: usage.unseen.clone(),
    }
}

impl From<&Mount> for MountDocument {
    fn from(it: &Mount) -> Self {
        Self {
            path: it.path.clone(),
            size_bytes: it.size_bytes,
            used_bytes: it.used_bytes,
            available_bytes: it.available_bytes,
            used_percent: it.used_percent(),
        }
    }
}

impl From<&NamedBytes> for NamedBytesDocument {
    fn from(it: &NamedBytes) -> Self {
        Self {
            name: it.name.clone(),
            bytes: it.bytes,
        }
    }
}

impl From<&TableSpace> for TableDocument {
    fn from(it: &TableSpace) -> Self {
        Self {
            database: it.database.clone(),
            name: it.name.clone(),
            total_bytes: it.total_bytes,
            heap_bytes: it.heap_bytes,
            index_bytes: it.index_bytes,
            toast_bytes: it.toast_bytes,
            estimated_bloat_bytes: it.bloat_bytes,
            dead_rows: it.dead_rows,
            live_rows: it.live_rows,
        }
    }
}

impl GrowthDocument {
    fn new(it: &DiskGrowth, usage: Option<&DiskUsage>) -> Self {
        let fullest = usage.and_then(DiskUsage::fullest);
        let fullest = fullest.and_then(|mount| it.of(mount));
        Self {
            sample_seconds: it.sample_seconds,
            volume_bytes_per_second: fullest.map(|it| it.bytes_per_second),
            volumes: it.volumes.iter().map(Into::into).collect(),
            wal_bytes_per_second: it.wal,
            database_bytes_per_second: it.databases,
            full_in_seconds: it.full_in_seconds(),
        }
    }
}

impl From<&VolumeGrowth> for VolumeGrowthDocument {
    fn from(it: &VolumeGrowth) -> Self {
        Self {
            path: it.path.clone(),
            bytes_per_second: it.bytes_per_second,
            full_in_seconds: it.full_in_seconds,
        }
    }
}
