//! A model of a cluster on which a plan can be run without a cluster.
//!
//! The model knows what Kubernetes and the start script do (`docs/deployment.md`), and at every
//! change looks whether an invariant broke. Planning is tested on it for any snapshot, and the
//! engine is tested on it with a crash at every line.

mod act;
mod clients;
mod look;
mod model;
mod run;

pub use model::{Model, Server, SimulatedPod};
pub use run::{Adversary, simulate};
