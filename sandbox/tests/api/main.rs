//! The API server alone, without controllers and kubelet: as the real kubectl sees it, and as kube-rs does.

mod kubectl;
#[path = "../../../tests/support/needs.rs"]
mod needs;
mod support;
mod wire;
