//! What each command does: look, decide, show. No Kubernetes or SQL calls of their own.

mod asking;
mod backup;
mod config;
mod confirming;
mod connections;
mod context;
mod disk;
mod doctor;
mod failover;
mod fleet;
mod history;
mod hpa;
mod intent;
mod interruption;
mod journal;
mod lag;
mod logs;
mod looking;
mod metrics;
mod operation;
mod queries;
mod rejoin;
mod report;
mod restore;
mod run;
mod scale;
mod slots;
mod small_change;
mod status;
mod sync;
mod telling;

pub use context::Context;
pub use run::run;
