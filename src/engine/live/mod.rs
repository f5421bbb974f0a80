//! The real world: a cluster behind the Kubernetes API, and the databases in it.

mod act;
mod cluster;
mod condition;
mod convert;
mod followers;
mod identity;
mod journal;
mod lock;
mod outage;
mod scaling;
mod serving;
mod topology;
mod world;

pub use cluster::{Listener, Live};
pub use identity::who;
pub use lock::LockError;
