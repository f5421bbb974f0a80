//! `pgctl queries` and `pgctl locks`.

mod end;
mod look;
mod run;
mod top;

pub(super) use end::cancel_agreed;
pub(super) use run::{locks, queries};
