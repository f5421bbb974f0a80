//! `pgctl slots`.

use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Subcommand};

use super::global::duration;
use super::operation::SmallChangeArgs;
use super::watch::WatchArgs;

/// Show what each replication slot holds back, and how long that can go on; or drop one
///
/// For every server that answers: who uses each slot, the WAL that it keeps from being removed, how
/// fast that grows, and, if it goes on like this, when max_slot_wal_keep_size takes the WAL away or
/// the volume is full. What to type about a slot that is in danger, or that nobody uses, comes last.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  pgctl slots                what holds WAL back, and how fast it grows over 1 s
  pgctl slots --sample 30s   the same over half a minute
  pgctl slots -w             live
  pgctl slots drop left_over --dry-run
  pgctl slots -o json | jq '.servers[].slots[] | {name, retainedBytes, lostInSeconds}'

Exit codes: 0; 4 a slot has lost WAL that it needs, or is about to; 7 the API or every database is out of reach"
)]
pub struct SlotsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<SlotsCommand>,
    /// Time over which the growth is measured; 0 measures none
    #[arg(long, env = "PGCTL_SAMPLE", hide_env = true, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub sample: Duration,
    /// Whether and how often it looks again.
    #[command(flatten)]
    pub watch: WatchArgs,
}

/// What can be done with slots.
#[derive(Debug, Clone, Subcommand)]
pub enum SlotsCommand {
    /// Drop a slot that nobody uses
    Drop(SlotDropArgs),
}

/// Drop a slot that nobody uses
///
/// Never one that somebody streams through, and none of a standby of the cluster unless it is said that this is
/// meant: the checks say what it would cost. That the slot is gone is looked at afterwards, and the
/// history keeps a line of it.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl slots drop left_over --dry-run      what it would do, and what speaks against it
  pgctl slots drop left_over                asks for the cluster's name first
  pgctl slots drop left_over --pod replica-0 --yes

Exit codes: 0; 1 the server did not do it; 2 no such slot; 3 refused, nothing was changed;
7 the API, or a database that may have it, is out of reach; 8 asked for, and not proven")]
pub struct SlotDropArgs {
    /// Name of the slot
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The server that has it [default: the primary, or the only one that has such a slot]
    #[arg(long, env = "PGCTL_POD", hide_env = true, value_name = "POD")]
    pub pod: Option<String>,
    /// Go on although a standby of the cluster loses the slot that it streams through
    #[arg(long, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub allow_slot_loss: bool,
    /// How to run it.
    #[command(flatten)]
    pub change: SmallChangeArgs,
}
