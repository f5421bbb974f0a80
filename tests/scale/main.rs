//! `pgctl scale`, `pgctl hpa` and `pgctl sync`, end to end on a cluster that really replicates,
//! while an oracle writes through the write Service.

mod autoscaler;
#[cfg(feature = "failpoints")]
mod interrupted;
mod numbers;
mod synchronous;
#[path = "../support/test_cluster/mod.rs"]
mod test_cluster;
mod volumes;
mod world;
