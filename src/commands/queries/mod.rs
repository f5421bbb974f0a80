//! `pgctl queries` and `pgctl locks`.

mod end;
mod look;
mod run;
mod top;

pub(super) use run::{locks, queries};
