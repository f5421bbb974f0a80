//! The real world: a cluster behind the Kubernetes API, and the databases in it.

mod act;
mod backups;
mod candidate;
mod claims;
mod clients;
mod cluster;
mod condition;
mod convert;
mod end;
mod ending;
mod followers;
mod identity;
mod journal;
mod life;
mod loading;
mod lock;
mod outage;
mod reasons;
mod restore_databases;
mod restore_volume;
mod roles;
mod safety_backup;
mod scaling;
mod serving;
mod still_running;
mod stopping;
mod swap;
mod topology;
mod world;

pub use backups::Backups;
pub use cluster::{Listener, Live};
pub use identity::who;
pub use lock::LockError;
