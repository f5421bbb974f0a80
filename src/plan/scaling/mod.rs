//! How many standbys there are, who decides it, and for how many of them commits wait.

mod autoscale;
mod bounds;
mod checks;
mod confirming;
mod metrics;
mod request;
mod scale;
mod scale_steps;
mod synchronous;

pub use crate::cluster::PAUSED_BOUNDS;
pub use autoscale::plan_autoscale;
pub use bounds::{AutoscalerPatch, Bounds};
pub(crate) use confirming::{confirm_by, wish};
pub use request::{AutoscaleRequest, ScaleRequest, SynchronousRequest, Way};
pub use scale::plan_scale;
pub use synchronous::plan_synchronous;
