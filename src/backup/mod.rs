//! Backups that can be trusted: taken as a stream, compared at both ends, and only then a backup.

pub mod catalogue;
pub mod copy;
pub mod format;
pub mod restore;
pub mod restore_test;
mod stop_signal;
pub mod store;
pub mod take;
pub mod tools;

pub use stop_signal::StopSignal;
