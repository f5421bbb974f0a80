//! Whose turn it is, and what was done: the Lease and the journal in the cluster.

mod changes;
mod config_map;
mod identity;
mod journal;
mod later_checks;
mod lock;
mod stored;

pub use changes::{ChangeStore, changes_of};
pub use identity::{RecordOf, object_name, who};
pub use journal::{JournalStore, Journals, journal_of, seen_journal};
pub use lock::{Lock, LockError, lock_holder};
pub use stored::JournalError;
