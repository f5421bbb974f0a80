//! `pgctl failover` and its kin, end to end on a cluster that really replicates, while an oracle
//! writes through the write Service and asks every pod whether it accepts writes.

mod applications;
mod away;
#[cfg(feature = "failpoints")]
mod before_the_stop;
mod broken_standbys;
mod clients;
mod emergency;
mod events;
#[cfg(feature = "failpoints")]
mod faults;
mod faults_during;
mod held_clients;
mod journal_format;
mod logical_slots;
#[cfg(feature = "failpoints")]
mod matrix;
#[path = "../support/needs.rs"]
mod needs;
mod next_start;
mod permissions;
mod pod_roles_after;
mod put_back;
mod refusals;
mod settings;
mod switchover;
#[path = "../support/test_cluster/mod.rs"]
mod test_cluster;
mod unfinished;
mod unkind_databases;
mod way_back;
