//! Why there is no archiving.

use std::path::PathBuf;

use super::super::error::ArchiveError;
use crate::backup::store::explained;

/// Why there is no archiving. What may pass is waited for, and is none of these.
#[derive(Debug, thiserror::Error)]
pub enum ArchiverError {
    /// The spool can't be used.
    #[error("the spool {}: {}", folder.display(), explained(source))]
    Spool {
        /// Its folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another archiver uses the spool.
    #[error("the spool {} is used by another pgctl wal archive", .0.display())]
    SpoolInUse(PathBuf),
    /// PostgreSQL's program is not there.
    #[error("pg_receivewal is not installed on this machine ({0})")]
    NoProgram(String),
    /// PostgreSQL's program is older than the server.
    #[error(
        "pg_receivewal on this machine is of version {program}, older than the server ({server})"
    )]
    TooOld {
        /// Its major version.
        program: u32,
        /// The server's major version.
        server: u32,
    },
    /// A logical slot has the name.
    #[error("{pod} has a logical slot called {slot}, and the archive needs a physical one")]
    LogicalSlot {
        /// Name of the pod.
        pod: String,
        /// Name of the slot.
        slot: &'static str,
    },
    /// The store takes nothing, and that does not pass.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}
