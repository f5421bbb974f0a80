//! `archive.json`: whose WAL it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cluster::ClusterId;
use crate::wal::SegmentSize;

/// What is written once, when an archive is begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// `pgctl/v1`.
    pub api_version: String,
    /// `WalArchive`.
    pub kind: String,
    /// The cluster, by namespace and name.
    pub cluster: ClusterId,
    /// Of `pg_control_system()`, as a decimal.
    pub system_identifier: String,
    /// Bytes of its segments.
    pub segment_bytes: SegmentSize,
    /// `server_version_num` when it was begun.
    pub server_version: u32,
    /// When it was begun, by the archiver's clock.
    pub begun: Timestamp,
}

impl About {
    /// The value of [`About::api_version`].
    pub const API_VERSION: &'static str = "pgctl/v1";
    /// The value of [`About::kind`].
    pub const KIND: &'static str = "WalArchive";
}
