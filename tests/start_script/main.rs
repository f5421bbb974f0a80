//! The start script of the pods, `deploy/base/scripts/start.sh`: every row of its table, on real PostgreSQL.
//!
//! Each pod runs in a bubblewrap container as PID 1, with the volumes, names and settings of a real one.

mod bootstrap;
mod certificates;
mod data;
mod distrust;
mod environment;
mod fence;
#[path = "../support/needs.rs"]
mod needs;
mod peers;
mod pod;
mod rewind;
mod settings;
mod standby;
mod stranger;
mod tools;
mod topology;
