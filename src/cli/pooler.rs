//! `pgctl pooler`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::global::positive_duration;
use super::operation::SmallChangeArgs;
use super::watch::WatchArgs;

/// Show who waits in the poolers of the cluster, and for how long; or set them up
///
/// For every pooler (deploy/components/pooler): how many clients it has and how many of them wait for a server, for how long
/// the first of them has, and what its servers do, by user and database.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  pgctl pooler                    clients, servers, and who waits
  pgctl pooler -w                 live
  pgctl pooler --max-wait 1s -q   a check: exit code 4 when somebody has waited for longer
  pgctl pooler setup              what a pooler needs in PostgreSQL
  pgctl pooler pause              let clients wait, until: pgctl pooler resume

Exit codes: 0; 3 there is no pooler; 4 one of them, or a database there, is paused, or a client has waited for longer than
--max-wait; 7 the API or every pooler is out of reach"
)]
pub struct PoolerArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<PoolerCommand>,
    /// How long a client may wait for a server
    #[arg(long, env = "PGCTL_MAX_WAIT", hide_env = true, value_name = "TIME", default_value = "10s", value_parser = positive_duration)]
    pub max_wait: Duration,
    /// Whether and how often it looks again.
    #[command(flatten)]
    pub watch: WatchArgs,
}

/// What can be done with poolers.
#[derive(Debug, Clone, Subcommand)]
pub enum PoolerCommand {
    /// Make the role and the functions in PostgreSQL that the poolers ask for passwords by
    Setup(PoolerSetupArgs),
    /// Let their clients wait: nobody begins a transaction until `resume`
    Pause(PoolerPauseArgs),
    /// Let their clients go on
    Resume(PoolerOrderArgs),
    /// Let them read their settings and passwords again
    Reload(PoolerOrderArgs),
}

/// Let their clients wait: nobody begins a transaction until `resume`
///
/// For work on the primary that takes seconds and that is no `pgctl failover`, which holds clients by itself. All poolers are told
/// at once (PgBouncer's PAUSE); each waits until the transactions that are under way have ended. When one of them takes
/// longer than --limit, all go on, and nothing was changed. Clients that wait for longer than query_wait_timeout (120 s)
/// get an error. A switchover of pgctl's leaves the pause alone. One of a single database, given at PgBouncer's console, is
/// neither begun nor ended here: its RESUME there ends it.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl pooler pause --dry-run    whom it would let wait, and what speaks against it
  pgctl pooler pause --yes && pgctl query --write --yes checkpoint; pgctl pooler resume --yes
  pgctl pooler pause --limit 2s --yes

Exit codes: 0; 1 transactions did not end in time, nothing was changed; 3 refused, or there is no pooler; 7 the API is
out of reach; 8 asked for, and not proven")]
pub struct PoolerPauseArgs {
    /// Which, and how.
    #[command(flatten)]
    pub order: PoolerOrderArgs,
    /// How long the transactions that are under way may take to end
    #[arg(long, env = "PGCTL_LIMIT", hide_env = true, value_name = "TIME", default_value = "10s", value_parser = positive_duration)]
    pub limit: Duration,
}

/// Let them go on, or read their settings and passwords again
#[derive(Debug, Clone, Args)]
pub struct PoolerOrderArgs {
    /// The pods, in full or by the end of their names; all when none is named
    #[arg(value_name = "POOLER")]
    pub pods: Vec<String>,
    /// How to run it.
    #[command(flatten)]
    pub change: SmallChangeArgs,
}

/// Make the role and the functions in PostgreSQL that the poolers ask for passwords by
///
/// A pooler keeps no list of passwords: when a role logs in that it does not know, it asks PostgreSQL for the role's SCRAM
/// verifier, as a role of its own that may call one function and nothing else. That role gets the password that the
/// pooler's Secret has, and each database the function, template1 too: so have those that are made later. Superusers and
/// roles that may stream don't get in through a pooler.
///
/// What is there already is left alone. Type it again after the password in the Secret was changed, after a restore of a
/// logical backup, and after a database was made from another template.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl pooler setup --dry-run    what it would make, and what speaks against it
  pgctl pooler setup
  pgctl pooler setup --yes        in a script, at every deployment

Exit codes: 0; 1 the server did not do it; 3 refused, nothing was changed, or there is no pooler; 7 the API or every
database is out of reach; 8 asked for, and not proven")]
pub struct PoolerSetupArgs {
    /// How to run it.
    #[command(flatten)]
    pub change: SmallChangeArgs,
}
