//! The real world that the engine acts on: a cluster behind the Kubernetes API, and the databases in
//! it.

mod act;
mod as_world;
mod cluster;
mod connections;
mod errors;
mod failover;
mod look;
mod reasons;
mod record;
mod reporting;
mod restore;
mod rollout;
mod scaling;
mod wait;

pub use cluster::RealCluster;
pub use record::{
    ChangeStore, JournalError, JournalStore, Journals, Lock, LockError, RecordOf, changes_of,
    journal_of, lock_holder, object_name, seen_journal, who,
};
pub use reporting::Listener;
pub use restore::Backups;
