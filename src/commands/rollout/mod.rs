//! `pgctl rollout` and `pgctl upgrade`.

mod chain;
mod proposal;
mod start;
mod template;
mod undo;
mod upgrade;
mod whole;

pub(super) use start::run;
pub(super) use upgrade::upgrade;
