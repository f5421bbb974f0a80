//! `pgctl rollout`.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

use super::{OperationArgs, RolloutPartsArgs};

/// Bring every pod to what its StatefulSet says, the standbys first
///
/// Restarts the pods that were made from an older template: the standbys one at a time, each seen streaming, caught
/// up and ready before the next; then a switchover to one of them; the old primary comes back last, as a standby.
/// Stops at the first pod that does not come back, says why, and leaves all others as they are.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl rollout --dry-run                which pods, in which order
  pgctl rollout                          after a new image or template was applied
  pgctl rollout --restart                every pod, whatever it was made from
  pgctl rollout --pod replica-1          only this one
  pgctl rollout --back                   at the end the old primary is primary again
  pgctl rollout --undo                   back to the former template
  pgctl rollout --resume                 go on after an interruption

Exit codes: 0; 3 refused, nothing was changed; 5 stopped in between: says what to type;
6 a restart was rolled back; 7 unreachable")]
pub struct RolloutArgs {
    /// Also those that were made from the present template
    #[arg(long, env = "PGCTL_RESTART", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub restart: bool,
    /// First go back to the template of before the last change
    #[arg(long, env = "PGCTL_UNDO", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub undo: bool,
    /// Only this pod, by any unambiguous tail of its name
    #[arg(long, env = "PGCTL_POD", hide_env = true, value_name = "POD")]
    pub pod: Option<String>,
    /// At the end make the pod primary again that was it at the beginning
    #[arg(long, env = "PGCTL_BACK", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub back: bool,
    /// How many bytes a standby that is done may be behind
    #[arg(
        long,
        env = "PGCTL_MAX_LAG_BYTES",
        hide_env = true,
        value_name = "BYTES",
        default_value_t = crate::plan::DEFAULT_MAX_LAG_BYTES
    )]
    pub max_lag_bytes: u64,
    /// How the pods are gone through.
    #[command(flatten)]
    pub parts: RolloutPartsArgs,
    /// How to run it.
    #[command(flatten)]
    pub operation: OperationArgs,
}
