//! The controllers: they watch the store and bring the world nearer to what is wished.

mod autoscaler;
mod claims;
mod disruption;
mod endpoints;
mod events;
mod garbage;
mod owner;
mod proxy;
mod relay;
mod services;
mod start;
mod statefulset;
mod worker;

pub use autoscaler::{PodUsage, Usage};
pub use claims::STORAGE_CLASS;
pub use events::{EventType, Recorder};
pub use services::ClusterIps;
pub use start::{Controllers, start};
