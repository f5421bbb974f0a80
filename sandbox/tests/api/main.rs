//! The API server alone, without controllers and kubelet: as the real kubectl sees it, and as kube-rs does.

mod kubectl;
mod support;
mod wire;
