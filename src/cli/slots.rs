//! `pgctl slots`.

use std::time::Duration;

use clap::Args;

use super::global::duration;
use super::watch::WatchArgs;

/// Show what each replication slot holds back, and how long that can go on
///
/// For every server that answers: who uses each slot, the WAL that it keeps from being removed, how
/// fast that grows, and, if it goes on like this, when max_slot_wal_keep_size takes the WAL away or
/// the volume is full. What to type about a slot that is in danger, or that nobody uses, comes last.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl slots                what holds WAL back, and how fast it grows over 1 s
  pgctl slots --sample 30s   the same over half a minute
  pgctl slots -w             live
  pgctl slots -o json | jq '.servers[].slots[] | {name, retainedBytes, lostInSeconds}'

Exit codes: 0; 4 a slot has lost WAL that it needs, or is about to; 7 the API or every database is out of reach")]
pub struct SlotsArgs {
    /// Time over which the growth is measured; 0 measures none
    #[arg(long, env = "PGCTL_SAMPLE", hide_env = true, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub sample: Duration,
    /// Whether and how often it looks again.
    #[command(flatten)]
    pub watch: WatchArgs,
}
