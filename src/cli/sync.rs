//! `pgctl sync`.

use clap::{Args, Subcommand};

use super::operation::{ChangeArgs, EventsArgs, GoOnArgs};

/// Show for how many standbys commits wait; or change it
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    mut_arg("resume", |arg| arg.help("Go on with the change that was left unfinished")),
    mut_arg("abort", |arg| arg.help("Put back what the unfinished change has done"))
)]
pub struct SyncArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<SyncCommand>,
    /// How to go on with a change that was interrupted.
    #[command(flatten)]
    pub go_on: GoOnArgs,
    /// What is told while it runs.
    #[command(flatten)]
    pub telling: EventsArgs,
}

/// What can be done about synchronous replication.
#[derive(Debug, Clone, Subcommand)]
pub enum SyncCommand {
    /// Show for how many standbys commits wait, and which confirm
    Show,
    /// Let commits wait for so many standbys
    Set(SyncSetArgs),
}

/// Options of `pgctl sync set`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl sync set --standbys 1     a commit is on one standby before it is acknowledged
  pgctl sync set --standbys off

It is kept through failovers, scaling and rejoins.")]
pub struct SyncSetArgs {
    /// How many, or `off`
    #[arg(long, env = "PGCTL_STANDBYS", hide_env = true, value_name = "N|off", value_parser = standbys)]
    pub standbys: u32,
    /// How to run it.
    #[command(flatten)]
    pub run: ChangeArgs,
}

fn standbys(text: &str) -> Result<u32, String> {
    match text {
        "off" => Ok(0),
        number => number
            .parse()
            .map_err(|_| "give a number of standbys, or off".to_owned()),
    }
}
