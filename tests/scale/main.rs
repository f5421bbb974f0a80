//! `pgctl scale`, `pgctl hpa` and `pgctl sync`, end to end on a cluster that really replicates,
//! while an oracle writes through the write Service.

mod autoscaler;
#[cfg(feature = "failpoints")]
mod interrupted;
#[path = "../support/lab/mod.rs"]
mod lab;
mod numbers;
mod synchronous;
mod volumes;
mod world;
