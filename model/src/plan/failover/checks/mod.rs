//! The checks of a failover, each a small pure function from the situation to a row of the table.

mod candidate;
mod capacity;
mod cluster;
mod environment;
mod interruptions;
mod next_start;
mod old_primary;
mod poolers;
mod signs_of_life;
mod synchronous;

pub(super) use candidate::candidate_checks;
pub(super) use cluster::{cluster_checks, replaces};
pub(super) use old_primary::loss;
