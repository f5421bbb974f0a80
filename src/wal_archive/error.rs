//! Why an archive did not give or take something.

use crate::backup::store::StoreError;

/// Why an archive did not give or take something.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The store did not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What lies there is not what was stored.
    #[error("{object}: {reason}")]
    Broken {
        /// Path of the object in the store.
        object: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is encrypted, and no key was given.
    #[error("{object} is encrypted, and no key was given")]
    NoKey {
        /// Path of the object in the store.
        object: String,
    },
    /// It is encrypted for others.
    #[error("none of the keys given opens {object}")]
    WrongKey {
        /// Path of the object in the store.
        object: String,
    },
    /// The archive has segments of another size.
    #[error(
        "the archive {folder} has segments of {archive} bytes and the server has segments of {server}: the size was changed with pg_resetwal"
    )]
    OtherSize {
        /// Path of the archive in the store.
        folder: String,
        /// Bytes of a segment of the archive.
        archive: u64,
        /// Bytes of a segment of the server.
        server: u64,
    },
}

impl ArchiveError {
    /// What to do or type next.
    pub fn advice(&self) -> String {
        match self {
            Self::Store(error) => error.advice(),
            Self::Broken { .. } => "pgctl wal verify".to_owned(),
            Self::NoKey { .. } | Self::WrongKey { .. } => {
                "give the key of one whom it was encrypted for: --identity FILE".to_owned()
            }
            Self::OtherSize { .. } => {
                "archive into another store: --store, and take a base backup there".to_owned()
            }
        }
    }
}
