//! `pgctl restore`, end to end on a cluster that really replicates: what was backed up is there
//! again, and what was there is never lost on the way.

#[cfg(feature = "failpoints")]
mod acknowledged;
#[path = "../support/awkward.rs"]
#[allow(
    dead_code,
    reason = "the names of its databases are used by other suites"
)]
mod awkward;
mod databases;
#[cfg(feature = "failpoints")]
mod databases_interrupted;
#[cfg(feature = "failpoints")]
mod interrupted;
#[path = "../support/lab/mod.rs"]
mod lab;
mod tools;
mod unkind;
mod uploads;
mod volumes;
