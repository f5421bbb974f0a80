//! What can be typed: argument structs only. `commands/` turns them into work.

mod backup;
mod config;
mod connections;
mod database;
mod databases;
mod disk;
mod doctor;
mod explain;
mod failover;
mod fleet;
mod global;
mod hpa;
mod judging;
mod lag;
mod logs;
mod metrics;
mod operation;
mod output_format;
mod passwords;
mod plugin;
mod port_forward;
mod psql;
mod queries;
mod query;
mod rejoin;
mod report;
mod restore;
mod rollout;
mod root;
mod scale;
mod shared_options;
mod slots;
mod status;
mod sync;
mod top;
mod tune;
mod upgrade;
mod users;
mod version;
mod wal;
mod watch;

pub use backup::{
    BackupArgs, BackupCommand, ListArgs, PruneArgs, StoreArgs, TakeArgs, VerifyArgs, Via,
};
pub use config::{
    ConfigArgs, ConfigCommand, ConfigDiffArgs, ConfigReloadArgs, ConfigSetArgs, ConfigShowArgs,
    ConfigUnsetArgs,
};
pub use connections::{ConnectionsArgs, ConnectionsBy};
pub use database::DatabaseArgs;
pub use databases::DatabasesArgs;
pub use disk::DiskArgs;
pub use doctor::{DoctorArgs, FailOn};
pub use explain::ExplainArgs;
pub use failover::FailoverArgs;
pub use fleet::FleetArgs;
pub use global::GlobalArgs;
pub use hpa::{HpaArgs, HpaCommand, HpaSetArgs};
pub use judging::JudgingArgs;
pub use lag::LagArgs;
pub use logs::{LogSince, LogTail, LogsArgs};
pub use metrics::MetricsArgs;
pub use operation::{ChangeArgs, EventsArgs, GoOnArgs, OperationArgs, SmallChangeArgs};
pub use output_format::OutputFormat;
pub use passwords::{PasswordRotateArgs, PasswordsArgs, PasswordsCommand};
pub use port_forward::PortForwardArgs;
pub use psql::{PsqlArgs, ShellArgs};
pub use queries::{LocksArgs, QueriesArgs, QueriesCommand, QueryEndArgs};
pub use query::QueryArgs;
pub use rejoin::{ReinitArgs, RejoinArgs};
pub use report::ReportArgs;
pub use restore::RestoreArgs;
pub use rollout::RolloutArgs;
pub use root::{Cli, Command, command};
pub use scale::ScaleArgs;
pub use slots::{SlotDropArgs, SlotsArgs, SlotsCommand};
pub use status::StatusArgs;
pub use sync::{SyncArgs, SyncCommand};
pub use top::TopArgs;
pub use tune::TuneArgs;
pub use upgrade::UpgradeArgs;
pub use users::{UserCreateArgs, UserDropArgs, UsersArgs, UsersCommand};
pub use version::VersionArgs;
pub use wal::{WalArchiveArgs, WalArgs, WalCommand, WalListArgs, WalVerifyArgs, WalVia};
pub use watch::WatchArgs;
