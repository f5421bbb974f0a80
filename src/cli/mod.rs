//! What can be typed: argument structs only. `commands/` turns them into work.

mod backup;
mod failover;
mod global;
mod lag;
mod operation;
mod rejoin;
mod root;
mod status;

pub use backup::{
    BackupArgs, BackupCommand, ListArgs, PruneArgs, StoreArgs, TakeArgs, VerifyArgs, Via,
};
pub use failover::FailoverArgs;
pub use global::{GlobalArgs, OutputFormat};
pub use lag::LagArgs;
pub use operation::OperationArgs;
pub use rejoin::{ReinitArgs, RejoinArgs};
pub use root::{Cli, Command, command};
pub use status::StatusArgs;
