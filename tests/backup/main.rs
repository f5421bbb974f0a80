//! Backups of a real server into real stores: what arrives whole is a backup, what does not never
//! is one.

mod bit_flips;
mod buckets;
mod cluster;
mod common;
mod copy_command;
mod copying;
mod copying_faults;
mod drill;
mod faults;
mod fixture;
mod in_cluster;
mod late_requests;
mod memory;
#[path = "../support/needs.rs"]
mod needs;
mod pruning;
mod restore_test;
mod round_trip;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/test_cluster/mod.rs"]
mod test_cluster;
mod truncation;
