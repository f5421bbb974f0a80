//! `pgctl failover` and its kin, end to end on a cluster that really replicates, while an oracle
//! writes through the write Service and asks every pod whether it accepts writes.

mod broken;
mod database;
mod emergency;
mod lab;
#[cfg(feature = "failpoints")]
mod matrix;
mod oracle;
mod overlap;
mod permissions;
mod pgctl;
mod places;
mod refusals;
mod standbys;
mod switchover;
mod trouble;
mod writers;
