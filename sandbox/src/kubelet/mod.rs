//! The kubelet and scheduler: runs the pods of the store as containers on this machine.

mod access;
mod api_access;
mod config;
mod container;
mod context;
mod creation;
mod disk;
mod environment;
mod faults;
mod hosts;
mod lifecycle;
mod node;
mod nodes;
mod pod;
mod pods;
mod probes;
mod scheduler;
mod service_links;
mod status;
mod volumes;

pub use config::KubeletConfig;
pub use faults::FaultError;
pub use node::Kubelet;
