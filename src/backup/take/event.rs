//! What is told while a backup is taken.

/// Something to tell while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakeEvent {
    /// It begins: so many archives.
    Begun {
        /// Name of the backup.
        id: String,
        /// Number of archives.
        archives: usize,
        /// Sum of the sizes of the databases, in bytes.
        database_bytes: u64,
    },
    /// An archive is whole in the store.
    Stored {
        /// Its file.
        file: String,
        /// Bytes in the store.
        bytes: u64,
    },
    /// Something that does not stop it.
    Warning(String),
}
