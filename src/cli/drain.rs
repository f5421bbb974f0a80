//! `pgctl drain`.

use clap::Args;

use super::{ChangeArgs, RolloutPartsArgs};

/// Move the cluster's pods away from a node, the primary first
///
/// Cordons the node, so that nothing comes back to it. The role goes to a standby on another node first (a switchover, in
/// which the old primary comes back elsewhere); then the standbys there are evicted one at a time, each seen streaming,
/// caught up and ready on another node before the next. Disruption budgets have their say. Everything else on the node is
/// left to kubectl drain, which finds no server of the database there any more; poolers and other pods of the cluster there
/// are named, with what their clients notice.
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
    /// How the pods are gone through.
    #[command(flatten)]
    pub parts: RolloutPartsArgs,
    /// How to run it.
    #[command(flatten)]
    pub change: ChangeArgs,
}
