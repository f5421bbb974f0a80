//! What can be typed: argument structs only. `commands/` turns them into work.

mod global;
mod lag;
mod root;
mod status;

pub use global::{GlobalArgs, OutputFormat};
pub use lag::LagArgs;
pub use root::{Cli, Command, command};
pub use status::StatusArgs;
