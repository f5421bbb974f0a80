//! Backups of a real server into real stores: what arrives whole is a backup, what does not never
//! is one.

mod buckets;
mod cluster;
mod common;
mod drill;
mod faults;
mod flips;
#[path = "../support/lab/mod.rs"]
mod lab;
mod memory;
mod pruning;
mod restore_test;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod truncation;
mod whole;
