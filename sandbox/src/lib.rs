//! A stand-in for a Kubernetes cluster: a small API server and kubelet that run real PostgreSQL.

pub mod api;
pub mod controllers;
pub mod net;
pub mod runtime;
pub mod store;
