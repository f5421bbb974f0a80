//! The restore test: a backup is restored into a throw-away server on this machine, and looked at.

mod account;
mod error;
mod logical;
mod physical;
mod programs;
mod reading;
mod run;
mod server;

pub use error::RehearsalError;
pub use run::{Event, rehearse};
