//! `pgctl top`.

use std::time::Duration;

use clap::Args;

use super::global::positive_duration;

/// Show what every server does at the moment, live
///
/// One line a server: transactions and bytes of WAL a second, with their last minutes; clients that are
/// active, of all; the part of blocks that was in shared buffers; how far a standby's replay is behind;
/// checkpoints. Below are the statements and open transactions of one server. Keys: tab or left and
/// right choose the server, up and down a statement, s the order, c cancels the statement (after a
/// question), p pauses, q ends. Each server is asked over one session that stays open.
///
/// Where there is no terminal to draw on (a pipe, TERM=dumb) each look is a line for each server.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl top                         the cluster of the current namespace
  pgctl top --interval 5s
  pgctl top --count 10 | tee file   ten looks, as lines

Exit codes: 0 ended by q or after --count looks; 7 the API or every database is out of reach; 130 Ctrl-C")]
pub struct TopArgs {
    /// Time between two looks
    #[arg(long, env = "PGCTL_INTERVAL", hide_env = true, value_name = "TIME", default_value = "1s", value_parser = positive_duration)]
    pub interval: Duration,
    /// End after so many looks
    #[arg(long, env = "PGCTL_COUNT", hide_env = true, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
}
