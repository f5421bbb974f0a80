//! `pgctl passwords rotate`, end to end on a cluster that really replicates: nobody is locked out, and no password is
//! found anywhere but in the Secret.

#[cfg(feature = "failpoints")]
mod interrupted;
mod rotate;
mod secrets;
#[path = "../support/test_cluster/mod.rs"]
mod test_cluster;
