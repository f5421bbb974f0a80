//! Why a backup was not taken.

use std::time::Duration;

use super::archive_job::ArchiveJobError;
use super::transfer::TransferError;
use crate::backup::store::StoreError;
use crate::backup::tools::{ToolLocationError, ToolsError};
use crate::cluster::words;
use crate::postgres::SqlError;

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The tools do not suffice; nothing was begun.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// It can't be made as asked; nothing was begun.
    #[error(transparent)]
    ArchiveJob(#[from] ArchiveJobError),
    /// A password with a line break can't be handed over; nothing was begun.
    #[error("the password of {0} has a line break in it, which PostgreSQL's tools can't be given")]
    Password(String),
    /// The database did not answer.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// The tools could not be run.
    #[error(transparent)]
    ToolLocation(#[from] ToolLocationError),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An archive did not arrive, or is not what it should be.
    #[error("{file}: {source}")]
    Transfer {
        /// Name of the archive within the backup.
        file: String,
        /// What was wrong.
        source: TransferError,
    },
    /// Nothing has come for too long, and the database does not answer either.
    #[error("for {} s not a byte has come, and the database does not answer either: the connection is dead", .0.as_secs())]
    Silent(Duration),
    /// The server threw away WAL that a base backup needs.
    #[error("the server gave up the slot that kept the WAL for this backup: more than max_slot_wal_keep_size ({}) was written meanwhile; raise that setting, or take the backup when less is written", words::bytes(*.0))]
    SlotGivenUp(u64),
    /// Its archives would be of two servers, or of one before and after a restart.
    #[error(
        "the server was restarted, or another one took its place, while the backup was being taken: its archives would not belong together"
    )]
    ServerRestarted,
    /// Somebody wanted it to stop.
    #[error("interrupted")]
    Interrupted,
    /// Somebody wanted it to stop before anything was begun.
    #[error("interrupted")]
    NothingBegun,
}

impl TakeError {
    /// Whether it was refused before anything was begun.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Tools(_) | Self::ArchiveJob(_) | Self::Password(_)
        )
    }
}
