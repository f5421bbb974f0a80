//! What the restores of both kinds share.

mod situation;
mod stamp;

pub(super) use situation::{Situation, free_bytes};
pub(super) use stamp::stamp;
