//! What an archive of the WAL has to know of the server that it is streamed from.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

use super::json::json;
use super::{Session, SqlError, sql};
use crate::cluster::{Lsn, Timeline};
use crate::wal::SegmentName;

/// A server, and the slot of its archive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WalServer {
    /// `server_version_num`.
    pub version: u32,
    /// Of `pg_control_system()`, as a decimal.
    pub system_identifier: String,
    /// Bytes of a segment.
    pub segment_bytes: u64,
    /// Where it writes; none of a standby.
    pub writes: Option<WalWritten>,
    /// The slot; none when there is no slot of that name.
    pub slot: Option<WalSlot>,
}

/// How far a primary has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WalWritten {
    /// Its timeline.
    pub timeline: Timeline,
    /// Up to where all is safely on its disk.
    pub flushed: Lsn,
    /// When it said so, by its clock: not later than it had come there.
    pub now: Timestamp,
}

/// The slot of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WalSlot {
    /// Whether it is a physical one.
    pub physical: bool,
    /// From where on it holds WAL; none when it holds none.
    pub restart: Option<Lsn>,
    /// Whether the server has given it up.
    pub lost: bool,
    /// Process of the server that streams through it; none when nobody does.
    pub user: Option<i64>,
    /// From where, as far as that is known.
    pub client: Option<String>,
}

impl Session {
    /// Asks about the server and a slot.
    ///
    /// # Errors
    /// When it does not answer, or what it says makes no sense.
    pub async fn wal_server(&self, slot: &str) -> Result<WalServer, SqlError> {
        const DOING: &str = "asking how far the WAL is written";
        json(DOING, self.text(DOING, &sql::wal_server(slot)).await?)
    }

    /// The segments in its `pg_wal`, those that it has made ready for later, too.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn wal_files(&self) -> Result<BTreeSet<SegmentName>, SqlError> {
        let names = self
            .text("asking which WAL it still has", sql::WAL_SEGMENTS)
            .await?;
        let names = names.unwrap_or_default();
        Ok(names.split(' ').filter_map(|it| it.parse().ok()).collect())
    }

    /// The history of the timeline that it writes; none of the first.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn wal_history(&self) -> Result<Option<String>, SqlError> {
        self.text(
            "asking for the history of its timeline",
            sql::TIMELINE_HISTORY,
        )
        .await
    }
}
