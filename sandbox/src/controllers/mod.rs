//! The controllers: they watch the store and bring the world nearer to what is wished.

mod accounts;
mod autoscaler;
mod claiming;
mod claims;
mod cronjob;
mod deployment;
mod disruption;
mod endpoints;
mod events;
mod garbage;
mod hash;
mod job;
mod owner;
mod pods;
mod proxy;
mod relay;
mod replicaset;
mod services;
mod share;
mod start;
mod statefulset;
mod worker;

pub use autoscaler::{PodUsage, Usage};
pub use claims::STORAGE_CLASS;
pub use events::{EventType, Recorder};
pub use services::ClusterIps;
pub use start::{Controllers, start};
