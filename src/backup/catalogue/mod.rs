//! The backups in a store: which there are, whether they are whole, and which are kept.

mod catalogue;
mod deletion;
mod newest;
mod retention;
mod verify;

pub use catalogue::{Catalogue, Entry, entry, record};
pub use deletion::{Deletion, Doomed, delete};
pub use newest::{LastBackup, Newest, last_backup};
pub use retention::{KeepReason, RetentionCandidate, RetentionPolicy, RetentionVerdict, decide};
pub use verify::verify;
