//! `pgctl restore`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};
use jiff::Timestamp;

use super::global::positive_duration;
use super::{OperationArgs, StoreArgs};
use crate::cluster::{Lsn, throw_away_name};
use crate::recovery::{MomentError, parse_moment};

/// Where a recovery through archived WAL is to end.
#[derive(Debug, Clone, Args)]
#[group(skip)]
#[command(next_help_heading = "Recovery to a moment")]
pub struct RecoveryTargetArgs {
    /// As it was at this moment, with its time zone: what was committed until then is in
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with_all = ["to_lsn", "to_name", "to_xid", "latest"])]
    pub to_time: Option<Timestamp>,
    /// Up to the WAL record at this position
    #[arg(long, value_name = "LSN", conflicts_with_all = ["to_name", "to_xid", "latest"])]
    pub to_lsn: Option<Lsn>,
    /// Up to this restore point (pg_create_restore_point)
    #[arg(long, value_name = "NAME", value_parser = restore_point, conflicts_with_all = ["to_xid", "latest"])]
    pub to_name: Option<String>,
    /// Up to the end of this transaction
    #[arg(long, value_name = "XID", conflicts_with = "latest")]
    pub to_xid: Option<u32>,
    /// With the last of the WAL that is archived
    #[arg(long)]
    pub latest: bool,
    /// Leave out what is exactly there: the commits of that microsecond, the record, the transaction
    #[arg(long, conflicts_with_all = ["to_name", "latest"])]
    pub exclusive: bool,
    /// The timeline to follow, where several have something else there
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub timeline: Option<u32>,
}

fn moment(text: &str) -> Result<Timestamp, MomentError> {
    parse_moment(text)
}

/// PostgreSQL takes at most 63 bytes (`MAXFNAMELEN`), and no control characters reach its command line.
fn restore_point(text: &str) -> Result<String, &'static str> {
    match text.len() {
        0 => Err("it is empty"),
        1..=63 if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        1..=63 => Err("it has control characters"),
        _ => Err("restore points have at most 63 bytes"),
    }
}

/// Restore a backup into the cluster
///
/// A logical backup goes into the running primary: each database is loaded under a name of its own,
/// and all take their places at once, when the last one is whole. A base backup goes into the
/// primary's volume, beside the data that is there; everything stops for it, and the replicas copy
/// it anew. What was there is kept until the restored data has been proven, and everything is put
/// back when something fails before.
///
/// Where the WAL is archived, --to-time and its like bring the cluster back to any moment
/// after a base backup: the best one is chosen, and only the WAL that is needed is fetched.
///
/// With --into the cluster is left alone: the backup becomes a server of its own in the namespace, to look at (pgctl psql
/// restored-NAME) and to copy from. No Service leads there, and nothing of it reaches out.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl restore 20261123T155217Z --dry-run          what would be done?
  pgctl restore 3fa9                                into an empty cluster
  pgctl restore 3fa9 --clean                        in place of what is there, after a backup of it
  pgctl restore 3fa9 --database shop --as shop_old  one database, beside the present one
  pgctl restore --to-time 2026-11-28T14:03:00+01  as it was at that second
  pgctl restore --latest                            with the last of the archived WAL
  pgctl restore --latest --into look                a server of its own, and pgctl psql restored-look
  pgctl restore --table shop.orders --into look --as orders_before   and a table of it back
  pgctl restore --discard-old                       delete what restores of base backups have kept

Exit codes: 0 done; 3 refused, nothing was changed; 5 interrupted, goes on with --resume;
6 failed and put back (docs/runbooks/restore.md)")]
pub struct RestoreArgs {
    /// The backup, in full or by a part of the name that only one has [default with --to-time and its
    /// like: the best base backup]
    #[arg(value_name = "BACKUP", required_unless_present_any = ["resume", "abort", "discard_old", "discard_into", "table", "to_time", "to_lsn", "to_name", "to_xid", "latest"])]
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
    /// The name that the one database gets, or the copied table
    #[arg(long = "as", env = "PGCTL_AS", hide_env = true, value_name = "NEW")]
    pub rename: Option<String>,
    /// Where a recovery through archived WAL is to end.
    #[command(flatten)]
    pub target: RecoveryTargetArgs,
    /// Of a base backup: into a throw-away server of this name, beside the cluster, which is not touched
    #[arg(long, value_name = "NAME", value_parser = throw_away_name, conflicts_with_all = ["clean", "no_safety_backup", "discard_old"])]
    pub into: Option<String>,
    /// Copy this table ([SCHEMA.]TABLE, of --database [default: postgres]) of the throw-away server into the cluster, as --as
    #[arg(long, value_name = "TABLE", requires_all = ["into", "rename"], conflicts_with_all = ["resume", "abort", "discard_old", "discard_into"])]
    pub table: Option<String>,
    /// Where it is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// File with the age key, for an encrypted backup
    #[arg(long, env = "PGCTL_IDENTITY", hide_env = true, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// Of a base backup: stop when the restored primary runs, before any client is let in; after a look
    /// --resume goes on, --abort puts everything back
    #[arg(long, env = "PGCTL_PAUSE", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub pause: bool,
    /// Go on although a GitOps tool may revert the changes
    #[arg(long, env = "PGCTL_ALLOW_DRIFT", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub allow_drift: bool,
    /// How long moving the data may take
    #[arg(long, env = "PGCTL_MOVE_TIMEOUT", hide_env = true, value_name = "TIME", default_value = "24h", value_parser = positive_duration)]
    pub move_timeout: Duration,
    /// Delete what earlier restores have kept
    #[arg(long, conflicts_with_all = ["backup", "clean", "database", "except", "rename", "to_time", "to_lsn", "to_name", "to_xid", "latest"])]
    pub discard_old: bool,
    /// Delete the throw-away server of this name, with its data
    #[arg(long, value_name = "NAME", value_parser = throw_away_name, conflicts_with_all = ["backup", "clean", "into", "discard_old", "resume", "abort", "to_time", "to_lsn", "to_name", "to_xid", "latest"])]
    pub discard_into: Option<String>,
    /// How to run it.
    #[command(flatten)]
    pub operation: OperationArgs,
}
