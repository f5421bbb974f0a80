//! Settings: what each server goes by, where that comes from, and how servers and the deployment's files differ.

mod difference;
mod facts;
mod file;
mod secret;
mod shown;
mod value;

pub use difference::{ConfigDifference, DifferenceKind, config_differences, setting_place};
pub use facts::{DeployedConfig, FileEntry, RoleSetting, ServerConfig, Setting};
pub use secret::shown_value;
pub use shown::{SettingRow, SettingSelection, UnknownSetting, setting_rows};
pub use value::{in_unit, with_unit};
