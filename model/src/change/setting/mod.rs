//! Settings that `ALTER SYSTEM` changes, on every server of a cluster: what may be changed, in which order, and what
//! came of it.

mod checks;
mod effect;
mod ground;
mod memory;
mod order;
mod owned;
mod plan;
mod reload;
mod row;
mod start;
#[cfg(test)]
mod tests;
mod undo;

pub use effect::{SettingEffect, SettingResult, setting_effects};
pub use ground::{SettingGround, SettingRequest};
pub use plan::{SettingPlan, plan_settings};
pub use reload::plan_reload;
pub use row::{PlannedSetting, SettingStep};
