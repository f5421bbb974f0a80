//! What a shell offers while somebody types: `pgctl __complete SHELL ...`, which the scripts in `completions/` call.
//! The command line is clap's, the names are those of the cluster; whatever can't be had in time is not offered.

mod answer;
mod candidate;
mod fields;
mod kind;
mod line;
mod live;
mod offer;
mod place;
mod request;
mod run;

pub use request::COMPLETE;
pub use run::complete;
