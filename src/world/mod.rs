//! The real world that the engine acts on: a cluster behind the Kubernetes API, and the databases in
//! it.

mod act;
mod cluster;
mod errors;
mod failover;
mod look;
mod reasons;
mod record;
mod restore;
mod scaling;
mod world;

pub use cluster::{Listener, Live};
pub use record::{LockError, who};
pub use restore::Backups;
