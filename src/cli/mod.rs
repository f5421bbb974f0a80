//! What can be typed: argument structs only. `commands/` turns them into work.

mod backup;
mod config;
mod connections;
mod disk;
mod doctor;
mod events;
mod failover;
mod fleet;
mod global;
mod hpa;
mod lag;
mod logs;
mod metrics;
mod operation;
mod port_forward;
mod psql;
mod queries;
mod rejoin;
mod report;
mod restore;
mod root;
mod scale;
mod slots;
mod status;
mod sync;
mod top;
mod watch;

pub use backup::{
    BackupArgs, BackupCommand, ListArgs, PruneArgs, StoreArgs, TakeArgs, VerifyArgs, Via,
};
pub use config::{ConfigArgs, ConfigCommand, ConfigDiffArgs, ConfigShowArgs};
pub use connections::{ConnectionsArgs, ConnectionsBy};
pub use disk::DiskArgs;
pub use doctor::{DoctorArgs, FailOn};
pub use failover::FailoverArgs;
pub use fleet::FleetArgs;
pub use global::{GlobalArgs, OutputFormat};
pub use hpa::{HpaArgs, HpaCommand, HpaSetArgs};
pub use lag::LagArgs;
pub use logs::{LogSince, LogTail, LogsArgs};
pub use metrics::MetricsArgs;
pub use operation::{ChangeArgs, EventsArgs, GoOnArgs, OperationArgs, SmallChangeArgs};
pub use port_forward::PortForwardArgs;
pub use psql::{PsqlArgs, ShellArgs};
pub use queries::{LocksArgs, QueriesArgs, QueriesCommand, QueryEndArgs};
pub use rejoin::{ReinitArgs, RejoinArgs};
pub use report::ReportArgs;
pub use restore::RestoreArgs;
pub use root::{Cli, Command, command};
pub use scale::ScaleArgs;
pub use slots::{SlotDropArgs, SlotsArgs, SlotsCommand};
pub use status::StatusArgs;
pub use sync::{SyncArgs, SyncCommand};
pub use top::TopArgs;
pub use watch::WatchArgs;
