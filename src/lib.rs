//! Day-2 operations for a PostgreSQL primary/replica cluster on Kubernetes.
//!
//! `docs/architecture.md` shows the way of one request through these modules.

pub mod backup;
pub mod cli;
pub mod commands;
pub mod confirmation;
pub mod engine;
pub mod events;
pub mod kubernetes;
pub mod observe;
pub mod operate;
pub mod output;
pub mod postgres;
pub mod tunnel;
pub mod wal_archive;
pub mod world;

pub use pgctl_model::{
    certificate, change, cluster, doctor, exit, explanation, failure, log, plan, recovery, wal,
};
