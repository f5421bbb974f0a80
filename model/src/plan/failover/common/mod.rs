//! What the checks and the steps of a failover go by.

mod confirming;
mod positions;
mod situation;

pub(super) use confirming::{confirming, needs_guard};
pub(super) use positions::{lag_bytes, position, present_timeline, reported_end, sender_of};
pub(super) use situation::{End, Situation};
