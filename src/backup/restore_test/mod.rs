//! The restore test: a backup is restored into a throw-away server on this machine, and looked at.

mod account;
mod error;
mod last_lines;
mod logical;
mod physical;
mod programs;
mod reading;
mod run;
mod server;
mod wal;

pub use error::RestoreTestError;
pub use run::run_restore_test;
pub use wal::{TestedWal, WalFetch};
