//! Why a backup was not copied.

use std::io;
use std::time::Duration;

use crate::backup::store::StoreError;
use crate::cluster::words;

/// Why a backup was not copied. Nothing of it counts in the second store then.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// It is not whole itself.
    #[error("{0}")]
    Damaged(String),
    /// The second store has something else under its name.
    #[error(
        "the second store has something else under this name, and that is never written over: {0}"
    )]
    Different(String),
    /// Somebody else is at it.
    #[error(
        "it is being written there, or was given up less than an hour ago (last sign {} s ago by the store's clock): again after that",
        .0.as_secs()
    )]
    BeingWritten(Duration),
    /// What was begun is gone.
    #[error(
        "{0}: somebody else removed what was copied, as another copy does when nothing was written to it for an hour"
    )]
    Removed(String),
    /// A copy there would be none.
    #[error("both stores are one place, whatever they are called by")]
    SamePlace,
    /// The second store is a directory that does not exist.
    #[error(
        "{0} is not there: make it first, so that a disk that is not mounted is never taken for it"
    )]
    NotThere(String),
    /// Nothing was read or written for too long.
    #[error("a store does not answer: for {} s nothing has come", .0.as_secs())]
    Silent(Duration),
    /// A file of it is larger than the second store takes.
    #[error("{file} has {}, and the second store takes at most {} in one object: copy it into a directory", words::bytes(*bytes), words::bytes(*most))]
    TooLarge {
        /// Name of the archive within the backup.
        file: String,
        /// What it has.
        bytes: u64,
        /// What the second store takes.
        most: u64,
    },
    /// The first store does not give it.
    #[error("the store that it is copied from: {0}")]
    From(StoreError),
    /// The second store does not take it.
    #[error("the store that it is copied to: {0}")]
    To(StoreError),
    /// Somebody wanted it to stop.
    #[error("interrupted")]
    Interrupted,
}

impl CopyError {
    /// Whether it is about this backup alone. Else a store does not answer, and the next one fares no better.
    pub fn is_about_one(&self) -> bool {
        match self {
            Self::Damaged(_)
            | Self::Different(_)
            | Self::BeingWritten(_)
            | Self::Removed(_)
            | Self::TooLarge { .. } => true,
            Self::From(_)
            | Self::To(_)
            | Self::SamePlace
            | Self::NotThere(_)
            | Self::Silent(_)
            | Self::Interrupted => false,
        }
    }
}

/// What a failed write means: the store's own words when it has any, else those of the disk.
pub(super) fn not_written(file: &str, error: io::Error) -> StoreError {
    error
        .downcast::<StoreError>()
        .unwrap_or_else(|source| StoreError::Disk {
            doing: format!("writing {file}"),
            source,
        })
}
