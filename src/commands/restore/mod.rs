//! `pgctl restore`.

mod backup;
mod discard;
mod recovery;
mod run;
mod table;
mod throw_away;

pub(super) use recovery::{ToLatest, segments, to_latest};
pub(super) use run::run;
