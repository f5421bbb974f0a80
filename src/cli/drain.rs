//! `pgctl drain`.

use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

use super::global::positive_duration;
use super::{ChangeArgs, HoldArgs};

/// Move the cluster's pods away from a node, the primary first
///
/// Cordons the node, so that nothing comes back to it. The role goes to a standby on another node first (a switchover, in
/// which the old primary comes back elsewhere); then the standbys there are evicted one at a time, each seen streaming,
/// caught up and ready on another node before the next. Disruption budgets have their say. Everything else on the node is
/// left to kubectl drain, which finds nothing of the database there any more.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl drain worker-3 --dry-run         what of the cluster is there, and where it would go
  pgctl drain worker-3
  pgctl rollout --resume                 go on after an interruption in a standby's part
  kubectl uncordon worker-3              when the node is to take pods again

Exit codes: 0; 3 refused, nothing was changed; 5 stopped in between: says what to type;
6 a part was rolled back; 7 unreachable; 8 whether the node was cordoned is not known, and no pod was touched")]
pub struct DrainArgs {
    /// Name of the node
    #[arg(value_name = "NODE")]
    pub node: String,
    /// How long one pod may take until it is back
    #[arg(long, env = "PGCTL_POD_TIMEOUT", hide_env = true, value_name = "TIME", default_value = "15m", value_parser = positive_duration)]
    pub pod_timeout: Duration,
    /// Hand the role over although a GitOps tool may revert it
    #[arg(long, env = "PGCTL_ALLOW_DRIFT", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub allow_drift: bool,
    /// Hand the role over although logical slots are lost
    #[arg(long)]
    pub allow_slot_loss: bool,
    /// Hand the role over although WAL is missing from the archive
    #[arg(long)]
    pub allow_archive_gap: bool,
    /// Hand the role over although a base backup is cut off
    #[arg(long)]
    pub allow_backup_loss: bool,
    /// Whether clients wait while the role is handed over.
    #[command(flatten)]
    pub hold: HoldArgs,
    /// How to run it.
    #[command(flatten)]
    pub change: ChangeArgs,
}
