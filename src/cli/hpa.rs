//! `pgctl hpa`.

use clap::{Args, Subcommand};

use super::operation::{ChangeArgs, EventsArgs, GoOnArgs};

/// Show the autoscaler: bounds, metrics, and why it does not scale; or change it
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    mut_arg("resume", |arg| arg.help("Go on with the change that was left unfinished")),
    mut_arg("abort", |arg| arg.help("Put back what the unfinished change has done"))
)]
pub struct HpaArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<HpaCommand>,
    /// How to go on with a change that was interrupted.
    #[command(flatten)]
    pub go_on: GoOnArgs,
    /// What is told while it runs.
    #[command(flatten)]
    pub telling: EventsArgs,
}

/// What can be done with the autoscaler.
#[derive(Debug, Clone, Subcommand)]
pub enum HpaCommand {
    /// Show bounds, metrics against targets, conditions, and why it does not scale
    Show,
    /// Change its bounds, or the targets of its metrics
    Set(HpaSetArgs),
    /// Hold the number of pods where it is; the bounds are remembered
    Pause(ChangeArgs),
    /// Give the bounds of before the pause back
    Resume(ChangeArgs),
}

/// Options of `pgctl hpa set`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl hpa set --min 3 --max 8
  pgctl hpa set --cpu 60 --dry-run      shows the patch")]
pub struct HpaSetArgs {
    /// What to change.
    #[command(flatten)]
    pub change: HpaChangeArgs,
    /// How to run it.
    #[command(flatten)]
    pub run: ChangeArgs,
}

/// What can be changed; at least one.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = true)]
pub struct HpaChangeArgs {
    /// The least pods (minReplicas)
    #[arg(long, env = "PGCTL_MIN", hide_env = true, value_name = "N")]
    pub min: Option<u32>,
    /// The most pods (maxReplicas)
    #[arg(long, env = "PGCTL_MAX", hide_env = true, value_name = "N")]
    pub max: Option<u32>,
    /// Average use of the CPU to aim at, in % of the request
    #[arg(long, env = "PGCTL_CPU", hide_env = true, value_name = "PERCENT")]
    pub cpu: Option<u32>,
    /// Average use of the memory to aim at, in % of the request
    #[arg(long, env = "PGCTL_MEMORY", hide_env = true, value_name = "PERCENT")]
    pub memory: Option<u32>,
}
