//! `pgctl queries` and `pgctl locks`.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Subcommand};

use super::operation::SmallChangeArgs;
use super::watch::WatchArgs;

/// Show what every server does now, and who waits for whom; or end a query
///
/// For every server: the queries that run, for how long, in how old a transaction, and what they wait for. Who
/// waits for a lock stands below the one that has it, also when that is a prepared transaction or a session
/// that does nothing; a parallel worker stands below its leader.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  pgctl queries                         what runs, on every server
  pgctl queries --pod replica-0 -w      live, of one
  pgctl queries --all                   idle sessions and the server's own processes, too
  pgctl queries --top                   what the time went to (pg_stat_statements)
  pgctl queries cancel 4711             ends a query
  pgctl queries terminate 4711 --yes    ends a session, and asks nobody
  pgctl locks                           only who waits for a lock, and for whom

Exit codes: 0; 2 no such pod; 7 the API or every database is out of reach"
)]
pub struct QueriesArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<QueriesCommand>,
    /// Only the server of this pod; may be given several times
    #[arg(long, env = "PGCTL_POD", hide_env = true, value_name = "POD")]
    pub pod: Vec<String>,
    /// Idle sessions and the server's own processes, too
    #[arg(short, long, env = "PGCTL_ALL", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), conflicts_with = "top")]
    pub all: bool,
    /// The statements that took the most time (pg_stat_statements), so many of them
    #[arg(long, env = "PGCTL_TOP", hide_env = true, value_name = "N", num_args = 0..=1, default_missing_value = "10", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub top: Option<u32>,
    /// Whether and how often it looks again.
    #[command(flatten)]
    pub watch: WatchArgs,
}

/// Show who waits for a lock, and for whom
///
/// Of `pgctl queries` only what waits for a lock, below the one that has it: a query, a session that does
/// nothing in an open transaction, or a prepared transaction.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl locks
  pgctl locks -w
  pgctl queries terminate 4711    ends the session that all wait for

Exit codes: 0; 2 no such pod; 7 the API or every database is out of reach")]
pub struct LocksArgs {
    /// Only the server of this pod; may be given several times
    #[arg(long, env = "PGCTL_POD", hide_env = true, value_name = "POD")]
    pub pod: Vec<String>,
    /// Whether and how often it looks again.
    #[command(flatten)]
    pub watch: WatchArgs,
}

/// What can be done with queries.
#[derive(Debug, Clone, Subcommand)]
pub enum QueriesCommand {
    /// Cancel the query that a process runs; its session stays
    Cancel(QueryEndArgs),
    /// End a session, with its query and its transaction
    Terminate(QueryEndArgs),
}

/// Which process, and how to run it.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl queries cancel 4711 --dry-run       what it is, and what speaks against it
  pgctl queries cancel 4711
  pgctl queries terminate 4711 --pod replica-0 --yes

It is looked that the number still is the same process, and the query the same query; that it has ended is
looked at afterwards, and the history keeps a line of it.

Exit codes: 0; 1 the server did not do it; 2 no such process; 3 refused, nothing was changed;
7 the API, or a database that may have it, is out of reach; 8 asked for, and it has not ended yet")]
pub struct QueryEndArgs {
    /// Number of the process, as pgctl queries shows it
    #[arg(value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pub pid: i32,
    /// The server that has it [default: the only one that has a process of this number]
    #[arg(long, env = "PGCTL_POD", hide_env = true, value_name = "POD")]
    pub pod: Option<String>,
    /// Go on although it is no client's session: a walsender, a launcher, autovacuum against wraparound
    #[arg(long, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub process: bool,
    /// How to run it.
    #[command(flatten)]
    pub change: SmallChangeArgs,
}
