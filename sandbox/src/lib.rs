//! A stand-in for a Kubernetes cluster: a small API server and kubelet that run real PostgreSQL.

pub mod api;
pub mod certificates;
pub mod cli;
mod clients;
mod cluster;
pub mod commands;
mod control;
pub mod controllers;
mod daemon;
pub mod encryption;
mod environment;
mod faults;
pub mod home;
pub mod kubelet;
mod leftovers;
mod manifests;
pub mod net;
pub mod pod_network;
mod ready;
pub mod runtime;
mod sandbox;
mod schedule;
pub mod store;

pub use cluster::Options;
pub use faults::Faults;
pub use sandbox::{Sandbox, Shared};
