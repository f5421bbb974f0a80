//! Looking at a cluster: everything that Kubernetes and its databases say, at once, as one
//! `cluster::Snapshot`. The only room that knows both adapters.

mod asking;
mod builder;
mod cluster_watch;
mod connections;
mod disk;
mod doctor;
mod following;
mod kept;
mod logs;
mod nodes;
mod open;
mod poolers;
mod query;
mod rights;
mod servers;
mod settings;
mod statements;
mod target;
mod unlogged;

pub use asking::AskedCluster;
pub use builder::{Depth, Observed, observe, observe_all, why_held_back};
pub use cluster_watch::watch_cluster;
pub use connections::{Connections, connections, observe_and_count};
pub use disk::disk_usage;
pub use doctor::{Examined, examined, examined_all, observe_and_examine};
pub use following::{Followed, Following, Pace};
pub use kept::kept_data;
pub use logs::{LogEvent, LogMerge, LogNews, end_of_server_log};
pub use open::{
    OpenError, OpenPod, login, open, open_as_application, open_database, password_of,
    replication_login,
};
pub use poolers::{
    ask_poolers, is_pooler_paused, open_console, paused_databases, poolers_with_pauses,
};
pub use query::{RunningStatements, query_pod, session_in};
pub use settings::settings_and_sessions;
pub use statements::top_statements;
pub use target::target_facts;
pub use unlogged::unlogged_tables;
