//! `pgctl restore`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

use super::global::positive_duration;
use super::{OperationArgs, StoreArgs};

/// Restore a backup into the cluster
///
/// A logical backup goes into the running primary: each database is loaded under a name of its own,
/// and all take their places at once, when the last one is whole. A base backup goes into the
/// primary's volume, beside the data that is there; everything stops for it, and the replicas copy
/// it anew. What was there is kept until the restored data has been proven, and everything is put
/// back when something fails before.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl restore 20261123T155217Z --dry-run          what would be done?
  pgctl restore 3fa9                                into an empty cluster
  pgctl restore 3fa9 --clean                        in place of what is there, after a backup of it
  pgctl restore 3fa9 --database shop --as shop_old  one database, beside the present one
  pgctl restore --discard-old                       delete what restores of base backups have kept

Exit codes: 0 done; 3 refused, nothing was changed; 5 interrupted, goes on with --resume;
6 failed and put back (docs/runbooks/restore.md)")]
pub struct RestoreArgs {
    /// The backup, in full or by a part of the name that only one has
    #[arg(value_name = "BACKUP", required_unless_present_any = ["resume", "abort", "discard_old"])]
    pub backup: Option<String>,
    /// The cluster, by the label app.kubernetes.io/instance [default: that of the namespace]
    #[arg(
        long,
        env = "PGCTL_TO",
        hide_env = true,
        value_name = "CLUSTER",
        conflicts_with = "cluster"
    )]
    pub to: Option<String>,
    /// Replace databases that hold data; of a full backup, passwords and attributes of roles, too
    #[arg(long)]
    pub clean: bool,
    /// Do not back up what --clean replaces
    #[arg(long)]
    pub no_safety_backup: bool,
    /// Only this database of the backup
    #[arg(long, env = "PGCTL_DATABASE", hide_env = true, value_name = "NAME")]
    pub database: Option<String>,
    /// Not this database of the backup (can be given several times)
    #[arg(
        long,
        env = "PGCTL_EXCEPT",
        hide_env = true,
        value_name = "NAME",
        conflicts_with = "database"
    )]
    pub except: Vec<String>,
    /// The name that the one database gets
    #[arg(long = "as", env = "PGCTL_AS", hide_env = true, value_name = "NEW")]
    pub rename: Option<String>,
    /// Where it is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// File with the age key, for an encrypted backup
    #[arg(long, env = "PGCTL_IDENTITY", hide_env = true, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// Go on although a GitOps tool may revert the changes
    #[arg(long, env = "PGCTL_ALLOW_DRIFT", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub allow_drift: bool,
    /// How long moving the data may take
    #[arg(long, env = "PGCTL_MOVE_TIMEOUT", hide_env = true, value_name = "TIME", default_value = "24h", value_parser = positive_duration)]
    pub move_timeout: Duration,
    /// Delete what earlier restores have kept
    #[arg(long, conflicts_with_all = ["backup", "clean", "database", "except", "rename"])]
    pub discard_old: bool,
    /// How to run it.
    #[command(flatten)]
    pub operation: OperationArgs,
}
