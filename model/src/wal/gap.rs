//! Gaps: WAL that an archive does not have and will not get.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cluster::{Lsn, Timeline};

/// WAL that is missing, as whoever found that out has recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WalGap {
    /// The timeline on which it is missing.
    pub timeline: Timeline,
    /// Where it begins: the archive has what was written before.
    pub from: Lsn,
    /// Where it ends: the archive has what was written from here on. On the same timeline.
    pub to: Lsn,
    /// Why.
    pub reason: GapReason,
    /// In words, what was seen: the server's message, say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// When it was found out, by the archiver's clock.
    pub found: Timestamp,
}

/// Why WAL is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GapReason {
    /// The server has removed it before it was archived: the slot was lost to `max_slot_wal_keep_size`,
    /// or somebody has dropped it.
    RemovedByServer,
    /// After a failover the new primary had no slot and no longer had it.
    NoSlotAfterFailover,
    /// What had been received was lost with the spool, and the server no longer had it.
    SpoolLost,
}

impl GapReason {
    /// In a few words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::RemovedByServer => "the server had removed it before it was archived",
            Self::NoSlotAfterFailover => {
                "the new primary had no slot for the archive and had removed it"
            }
            Self::SpoolLost => "the spool was lost, and the server had removed it",
        }
    }
}
