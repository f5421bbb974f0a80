//! Looking at a cluster: everything that Kubernetes and its databases say, at once, as one
//! `cluster::Snapshot`. The only room that knows both adapters.

mod builder;
mod nodes;
mod open;

pub use builder::{Depth, Observed, observe, observe_all, why_held_back};
pub use open::{OpenError, login, open};
