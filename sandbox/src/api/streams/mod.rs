//! Streams into pods: log, exec, attach and port-forward.

mod exec;
mod log;
mod outlet;
mod portforward;
mod serve;

pub(super) use serve::{handles, serve};
