//! What is told while the WAL of a cluster is archived.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cluster::{Lsn, Timeline};
use crate::wal::{SegmentName, WalGap};

/// Something that has happened while WAL is archived.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "event"
)]
pub enum WalEvent {
    /// It has begun.
    Started {
        /// The store.
        store: String,
        /// The folder for what is not stored yet.
        spool: String,
        /// The slot that holds the WAL on the primary.
        slot: String,
    },
    /// The server sends.
    Streaming {
        /// Pod of the server.
        pod: String,
        /// Its timeline.
        timeline: Timeline,
        /// From the beginning of which segment on.
        segment: SegmentName,
    },
    /// A whole segment is stored.
    SegmentStored {
        /// Which.
        segment: SegmentName,
        /// Bytes of its object.
        stored_bytes: u64,
    },
    /// The history of a timeline is stored.
    HistoryStored {
        /// Of which.
        timeline: Timeline,
    },
    /// All up to a moment is stored.
    UpTo {
        /// The primary's timeline.
        timeline: Timeline,
        /// The position up to which all is stored.
        position: Lsn,
        /// By the server's clock: what was committed until then is stored.
        as_of: Timestamp,
        /// Bytes that wait in the spool.
        spool_bytes: u64,
    },
    /// WAL is missing, and will be.
    Gap {
        /// What and why.
        gap: WalGap,
    },
    /// The store has another content of a segment: two servers have written it.
    OtherContent {
        /// Which. Both contents are kept.
        segment: SegmentName,
    },
    /// Something in a segment is no WAL. It is stored as it is.
    Unreadable {
        /// Which.
        segment: SegmentName,
        /// What, in words.
        reason: String,
    },
    /// Something is waited for.
    Waiting {
        /// For what.
        what: WalWait,
        /// Why, in words.
        reason: String,
    },
    /// What was waited for is there again.
    Back {
        /// What.
        what: WalWait,
    },
    /// It was asked to end, and has ended.
    Stopped {
        /// Bytes that wait in the spool for the next start.
        spool_bytes: u64,
    },
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WalWait {
    /// A primary that answers.
    Primary,
    /// The slot, which somebody else streams through.
    Slot,
    /// The server's stream, which has ended.
    Stream,
    /// The store.
    Store,
    /// Room in the spool: nothing is received meanwhile.
    Spool,
}

/// A line of `pgctl wal archive -o json`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "WalEvent")]
pub struct WalEventLine {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `WalEvent`.
    #[schemars(extend("const" = "WalEvent"))]
    kind: &'static str,
    /// When it was told.
    at: Timestamp,
    /// The event itself, its fields beside these.
    #[serde(flatten)]
    event: WalEvent,
}

impl WalEventLine {
    /// An event, told now.
    pub fn new(event: WalEvent, at: Timestamp) -> Self {
        Self {
            api_version: "pgctl/v1",
            kind: "WalEvent",
            at,
            event,
        }
    }
}
