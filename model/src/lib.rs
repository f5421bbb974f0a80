//! What a PostgreSQL cluster on Kubernetes is, and what may be done to it.
//!
//! Everything here is a pure function of facts: nothing knows Kubernetes' API, SQL, async, the screen
//! or the clock, and nothing that could is among its dependencies.

pub mod certificate;
pub mod change;
pub mod cluster;
pub mod doctor;
pub mod exit;
pub mod explanation;
pub mod failure;
pub mod log;
pub mod plan;
pub mod recovery;
pub mod wal;
