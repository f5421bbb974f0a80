//! What the restores of both kinds share.

mod proposal;
mod situation;

pub(super) use proposal::{Proposal, stamp};
pub(super) use situation::{Situation, free_bytes};
