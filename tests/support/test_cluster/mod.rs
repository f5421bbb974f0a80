//! A cluster of one test's own (or the one that `PGCTL_TEST_CONTEXT` names), `pgctl` pointed at it, writers through its write Service, and an
//! oracle that judges what became of it. Each suite uses a part.
#![allow(dead_code, unused_imports, reason = "each suite uses a part")]

mod as_found;
mod backend;
mod cluster;
mod database;
mod documents;
mod forward;
mod journal;
mod kubectl;
mod language;
mod meanwhile;
mod objects;
mod oracle;
mod overlap;
mod pgctl;
mod prepare;
mod report;
mod roles;
mod sandbox_cluster;
mod server_state;
mod standbys;
mod successors;
mod terminal;
mod through_pooler;
mod writers;

pub(crate) use cluster::{
    PATIENCE, TestCluster, eventually, full, on_cluster, slot, tail_of, within,
};
pub(crate) use database::{Database, Login};
pub(crate) use documents::document;
pub(crate) use oracle::Oracle;
pub(crate) use pgctl::{Run, Running};
pub(crate) use report::unpacked;
pub(crate) use roles::{OPERATOR, VIEWER};
pub(crate) use sandbox_cluster::{
    SandboxCluster, on_sandbox, on_sandbox_with_certificates, on_sandbox_with_poolers,
};
pub(crate) use terminal::Terminal;
pub(crate) use through_pooler::{Application, poolers};
