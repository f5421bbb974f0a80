//! Whose turn it is, and what was done: the Lease and the journal in the cluster.

mod identity;
mod journal;
mod lock;

pub use identity::who;
pub use journal::{JournalStore, journal_of, seen_journal};
pub use lock::{Lock, LockError, lock_holder};
