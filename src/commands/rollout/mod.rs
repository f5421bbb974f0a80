//! `pgctl rollout`, `pgctl upgrade` and `pgctl drain`.

mod chain;
mod drain;
mod emptied_node;
mod proposal;
mod start;
mod template;
mod undo;
mod upgrade;
mod whole;

pub(super) use drain::drain;
pub(super) use start::run;
pub(super) use upgrade::upgrade;
