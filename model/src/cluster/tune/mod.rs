//! Settings that would fit the container, its storage and the number of its sessions better, each with the reason and
//! where that is from.

mod advice;
mod facts;
mod patch;
mod rules;

pub use advice::{TuneAdvice, tune};
pub use facts::TuneFacts;
pub use patch::{tune_diff, tune_patch};
