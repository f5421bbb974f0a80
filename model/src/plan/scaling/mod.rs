//! How many standbys there are, who decides it, and for how many of them commits wait.

mod autoscale;
mod checks;
mod following;
mod metrics;
mod patch;
mod scale;
mod scale_checks;
mod scale_situation;
mod scale_steps;
mod synchronous;

pub use autoscale::plan_autoscale;
pub use scale::plan_scale;
pub use synchronous::plan_synchronous;
