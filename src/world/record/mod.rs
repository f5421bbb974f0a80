//! Whose turn it is, and what was done: the Lease and the journal in the cluster.

pub(super) mod identity;
pub(super) mod journal;
pub(super) mod lock;

pub use identity::who;
pub use lock::LockError;
