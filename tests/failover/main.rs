//! `pgctl failover` and its kin, end to end on a cluster that really replicates, while an oracle
//! writes through the write Service and asks every pod whether it accepts writes.

mod away;
mod broken;
mod clients;
mod emergency;
#[cfg(feature = "failpoints")]
mod faults;
#[path = "../support/lab/mod.rs"]
mod lab;
#[cfg(feature = "failpoints")]
mod matrix;
mod next_start;
mod permissions;
mod places;
mod refusals;
mod switchover;
mod trouble;
