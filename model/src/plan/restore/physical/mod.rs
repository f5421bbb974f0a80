//! A base backup into the volume of pod 0 of the primary StatefulSet. Everything stops for it. The
//! backup is unpacked, verified and recovered beside the data that is there, which keeps another
//! name; until the replicas' old copies are deleted, everything can be put back.

mod checks;
mod data_steps;
mod keeping;
mod proposal;
mod recovery;
mod start;
mod steps;
mod stop;
mod synchronous;
mod throw_away;
mod volume_restore;

pub(super) use proposal::proposal;
pub(super) use throw_away::proposal as throw_away_proposal;
