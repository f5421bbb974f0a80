//! The backups in a store: which there are, whether they are whole, and which are kept.

mod deletion;
mod entries;
mod newest;
mod recording;
mod retention;
mod verify;

pub use deletion::{Deletion, Doomed, Undeletable, delete, delete_wal, is_given_up};
pub(super) use entries::small_file;
pub use entries::{Catalogue, Entry, entry, record};
pub use newest::{LastBackup, Newest, last_backup};
pub use recording::with_what_came_meanwhile;
pub use retention::{KeepReason, RetentionCandidate, RetentionPolicy, RetentionVerdict, decide};
pub use verify::verify;
pub(super) use verify::{differs, still_there};
