//! What only a rollout does.

pub(super) mod returning;
