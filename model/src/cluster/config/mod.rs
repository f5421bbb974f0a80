//! Settings: what each server goes by, where that comes from, and how servers and the deployment's files differ.

mod alter;
mod deployed;
mod difference;
mod facts;
mod file;
mod limits;
mod secret;
mod shown;
mod valid;
mod value;

pub use alter::{alter_system, list_elements};
pub use deployed::{DeployedSetting, deployed_setting};
pub use difference::{ConfigDifference, DifferenceKind, config_differences, setting_place};
pub use facts::{DeployedConfig, FileEntry, RoleSetting, ServerConfig, Setting};
pub use limits::STANDBY_LIMITS;
pub use secret::shown_value;
pub use shown::{SettingRow, SettingSelection, UnknownSetting, setting_rows};
pub use valid::{NotAValue, amount_in_bytes, not_a_value};
pub use value::{in_unit, same_value, with_unit};
