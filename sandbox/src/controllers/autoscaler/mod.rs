//! HorizontalPodAutoscalers.

mod behavior;
mod controller;
mod metrics;

use super::{events, pods, worker};

pub(super) use controller::Autoscalers;
pub use metrics::{PodUsage, Usage};
