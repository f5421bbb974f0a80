//! `pgctl failover`.

use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

use super::global::positive_duration;
use super::{HoldArgs, OperationArgs};

/// Make another pod the primary
///
/// Checks first, shows every check and the plan, asks, and then runs it step by step. When a primary
/// answers it is a switchover, which loses no acknowledged transaction; when none does it is an
/// emergency, and how much may be lost is said before asking.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl failover --dry-run              who would become primary, and how
  pgctl failover --to replica-0         a switchover to that pod
  pgctl failover --to replica-0 --rejoin -y
  pgctl failover --resume               go on after an interruption, from any machine

Exit codes: 0; 3 refused, nothing was changed; 5 incomplete: --resume; 6 rolled back; 7 out of reach")]
pub struct FailoverArgs {
    /// The pod to promote, by any unambiguous tail of its name [default: the best]
    #[arg(long, env = "PGCTL_TO", hide_env = true, value_name = "POD")]
    pub to: Option<String>,
    /// Bring the old primary back as a standby, too
    #[arg(long, env = "PGCTL_REJOIN", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub rejoin: bool,
    /// How many bytes the new primary may be behind when it begins
    #[arg(
        long,
        env = "PGCTL_MAX_LAG_BYTES",
        hide_env = true,
        value_name = "BYTES",
        default_value_t = crate::plan::DEFAULT_MAX_LAG_BYTES
    )]
    pub max_lag_bytes: u64,
    /// How long the old primary may take to shut down [default: the grace period of its pod and 30 s,
    /// which is also the least]
    #[arg(long, env = "PGCTL_STOP_TIMEOUT", hide_env = true, value_name = "TIME", value_parser = positive_duration)]
    pub stop_timeout: Option<Duration>,
    /// Whether clients wait.
    #[command(flatten)]
    pub hold: HoldArgs,
    /// Stop a primary that is alive and that pgctl can't reach, through Kubernetes; one that would
    /// lack any of its data is not promoted
    #[arg(long)]
    pub blind: bool,
    /// Promote although commits are lost that the old primary has acknowledged
    #[arg(long)]
    pub accept_loss: bool,
    /// Promote although nobody can prove that the old primary has stopped
    #[arg(long)]
    pub accept_split_brain_risk: bool,
    /// Go on although a GitOps tool may revert the changes
    #[arg(long, env = "PGCTL_ALLOW_DRIFT", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub allow_drift: bool,
    /// Go on although logical replication slots are lost
    #[arg(long)]
    pub allow_slot_loss: bool,
    /// Go on although a base backup is cut off
    #[arg(long)]
    pub allow_backup_loss: bool,
    /// Go on although WAL is missing from the archive, for a primary whose archiving can't be mended
    #[arg(long)]
    pub allow_archive_gap: bool,
    /// How to run it.
    #[command(flatten)]
    pub operation: OperationArgs,
}
