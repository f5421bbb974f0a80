//! How far a standby is behind, and its slot: parts of several documents.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cluster::{Behind, SlotLag};

/// How far behind.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct BehindDocument {
    /// Bytes of WAL not yet replayed; null when unknown.
    bytes: Option<u64>,
    /// Seconds; null when unknown.
    seconds: Option<f64>,
    /// `seconds` is an upper bound and not a measurement.
    at_most: bool,
}

impl From<&Behind> for BehindDocument {
    fn from(behind: &Behind) -> Self {
        Self {
            bytes: behind.bytes,
            seconds: behind.time.map(|time| time.seconds),
            at_most: behind.time.is_some_and(|time| time.at_most),
        }
    }
}

/// A replication slot.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct SlotDocument {
    /// `slot_name`.
    name: String,
    /// Somebody streams from it.
    active: bool,
    /// `wal_status`.
    wal_status: Option<String>,
    /// Bytes of WAL that it holds back.
    retained_bytes: u64,
    /// Bytes that may still be written before WAL that it needs is removed; null when unlimited.
    safe_bytes: Option<i64>,
}

impl From<&SlotLag> for SlotDocument {
    fn from(slot: &SlotLag) -> Self {
        Self {
            name: slot.name.clone(),
            active: slot.active,
            wal_status: slot.wal_status.clone(),
            retained_bytes: slot.retained_bytes,
            safe_bytes: slot.safe_bytes,
        }
    }
}
