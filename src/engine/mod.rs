//! Runs a plan: step by step, journaled, under a lock, forwards and back.
//!
//! Nothing is decided here that the plan does not say; what may have happened is found out by
//! looking. The engine talks to a [`World`], so that it can be tested against a model with a crash
//! at every line.

mod attempts;
mod ending;
mod error;
mod executor;
mod failpoint;
mod format;
mod gate;
mod journal;
mod recording;
mod report;
mod takeover;
#[cfg(test)]
mod tests;
mod undo;
mod world;

pub use crate::plan::Known;
pub use ending::Ending;
pub use error::{ErrorKind, WorldError};
pub use executor::Executor;
pub use format::{FORMAT, Header};
pub use journal::{Journal, MAX_HISTORY, Record};
pub use report::{Report, StepReport};
pub use world::World;
