//! `pgctl rollout`, end to end on a cluster that really replicates, while an oracle writes through the write Service and
//! asks every pod whether it accepts writes.

mod broken;
mod drain;
mod encryption;
#[cfg(feature = "failpoints")]
mod interrupted;
mod standbys_first;
mod synchronous;
mod templates;
#[path = "../support/test_cluster/mod.rs"]
mod test_cluster;
mod world;
