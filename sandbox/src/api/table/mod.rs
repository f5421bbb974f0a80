//! Tables for `kubectl get`, with the columns of Kubernetes' own printers.

mod cells;
mod columns;
mod pods;
mod render;
mod workloads;

pub(super) use render::of;
