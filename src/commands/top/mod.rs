//! `pgctl top`.

mod keyboard;
mod lines;
mod live;
mod run;
mod state;

pub(super) use run::run;
