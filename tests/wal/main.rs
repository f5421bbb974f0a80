//! The WAL of a real server, archived into real stores, whatever is killed, away, or somewhere else.

mod failover;
mod fixture;
mod gaps;
mod in_cluster;
mod kills;
#[path = "../support/needs.rs"]
mod needs;
mod pruning;
mod stores;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/test_cluster/mod.rs"]
mod test_cluster;
