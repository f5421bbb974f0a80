//! The steps of a failover.

mod autoscaler;
mod frame;
mod old_primary;
mod order;
mod slots;
mod synchronous;
mod topology;
mod traffic;

pub use autoscaler::ORIGINAL_MINIMUM;
pub(crate) use autoscaler::{give_back_minimum, remembered_minimum};
pub(crate) use old_primary::{release_records, settle_proofs};
pub(crate) use order::steps;
pub(crate) use slots::{drop_slots, pod_slots};
pub(crate) use synchronous::confirming;
pub(crate) use traffic::spread_reads;
