//! The checks of a failover, each a small pure function from the case to a row of the table.

mod candidate;
mod capacity;
mod cluster;
mod contents;
mod life;
mod next_start;
mod old_primary;
mod surroundings;
mod synchronous;

pub(crate) use candidate::candidate_checks;
pub(crate) use cluster::cluster_checks;
pub(crate) use contents::running_backups;
pub(crate) use next_start::{files_check, new_standby_checks, room_for_copy};
pub(crate) use old_primary::loss;
pub(crate) use surroundings::{operation_checks, sizes, volumes_go};
