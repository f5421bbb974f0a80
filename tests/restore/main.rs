//! `pgctl restore`, end to end on a cluster that really replicates: what was backed up is there
//! again, and what was there is never lost on the way.

#[cfg(feature = "failpoints")]
mod acknowledged;
mod archiving;
mod databases;
#[cfg(feature = "failpoints")]
mod databases_interrupted;
#[path = "../support/difficult_data.rs"]
#[allow(
    dead_code,
    reason = "the names of its databases are used by other suites"
)]
mod difficult_data;
#[cfg(feature = "failpoints")]
mod interrupted;
mod point_in_time;
#[path = "../support/test_cluster/mod.rs"]
mod test_cluster;
mod throw_away;
mod throw_away_seen;
mod tools;
mod unkind;
mod uploads;
mod volumes;
