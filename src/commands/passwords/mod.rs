//! `pgctl passwords`.

mod given;
mod look;
mod rotate;
mod run;
mod turn;

pub(super) use run::run;
