//! From objects of the API to facts: pure conversions.

mod annotations;
mod applied;
mod autoscaler;
mod config;
mod container;
mod excesses;
mod git_ops;
mod pod;
mod quantity;
mod service;
mod stateful_set;
mod template;
mod topology;
mod volume;

pub(crate) use applied::{differences, keep_owners};
pub(crate) use autoscaler::autoscaler_facts;
pub(crate) use config::{deployed_configs, mounted_config_maps};
pub(crate) use container::database_container;
pub(crate) use excesses::{cpu_limit, memory_limit, pod_security};
pub(crate) use git_ops::git_ops;
pub use pod::start_decision;
pub(crate) use pod::{facts_of, node_ready, pod_facts};
pub(crate) use service::service_facts;
pub(crate) use stateful_set::stateful_set_facts;
pub(crate) use template::same_template;
pub(crate) use topology::topology;
pub use topology::unproven;
pub(crate) use volume::{claim_bytes, volume_facts};
