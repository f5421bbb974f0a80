//! What can be typed: argument structs only. `commands/` turns them into work.

mod backup;
mod config;
mod config_file;
mod connections;
mod database;
mod databases;
mod disk;
mod doctor;
mod drain;
mod explain;
mod failover;
mod fleet;
mod global;
mod hold;
mod hpa;
mod in_vain;
mod judging;
mod lag;
mod logs;
mod metrics;
mod operation;
mod output_format;
mod passwords;
mod plugin;
mod pooler;
mod port_forward;
mod psql;
mod queries;
mod query;
mod rejoin;
mod report;
mod restore;
mod rollout;
mod rollout_parts;
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
    BackupArgs, BackupCommand, CopyArgs, ListArgs, PruneArgs, StoreArgs, TakeArgs, VerifyArgs, Via,
};
pub use config::{
    ConfigArgs, ConfigCommand, ConfigDiffArgs, ConfigInitArgs, ConfigReloadArgs, ConfigSetArgs,
    ConfigShowArgs, ConfigUnsetArgs, ConfigWhereArgs,
};
pub use config_file::{
    ConfigFile, ConfigFileError, FileDefault, place as config_file_place, write_template,
};
pub use connections::{ConnectionsArgs, ConnectionsBy};
pub use database::DatabaseArgs;
pub use databases::DatabasesArgs;
pub use disk::DiskArgs;
pub use doctor::{DoctorArgs, FailOn};
pub use drain::DrainArgs;
pub use explain::ExplainArgs;
pub use failover::FailoverArgs;
pub use fleet::FleetArgs;
pub use global::GlobalArgs;
pub use hold::{HoldArgs, HoldClients};
pub use hpa::{HpaArgs, HpaCommand, HpaSetArgs};
pub use judging::JudgingArgs;
pub use lag::LagArgs;
pub use logs::{LogSince, LogTail, LogsArgs};
pub use metrics::MetricsArgs;
pub use operation::{ChangeArgs, EventsArgs, GoOnArgs, OperationArgs, SmallChangeArgs};
pub use output_format::OutputFormat;
pub use passwords::{PasswordRotateArgs, PasswordsArgs, PasswordsCommand};
pub use pooler::{PoolerArgs, PoolerCommand, PoolerOrderArgs, PoolerPauseArgs, PoolerSetupArgs};
pub use port_forward::PortForwardArgs;
pub use psql::{PsqlArgs, ShellArgs};
pub use queries::{LocksArgs, QueriesArgs, QueriesCommand, QueryEndArgs};
pub use query::QueryArgs;
pub use rejoin::{ReinitArgs, RejoinArgs};
pub use report::ReportArgs;
pub use restore::RestoreArgs;
pub use rollout::RolloutArgs;
pub use rollout_parts::RolloutPartsArgs;
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
