//! `pgctl pooler`.

use clap::{Args, Subcommand};

use super::operation::SmallChangeArgs;

/// Set up the poolers of the cluster (deploy/components/pooler)
#[derive(Debug, Clone, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  pgctl pooler setup --dry-run    what a pooler lacks in PostgreSQL
  pgctl pooler setup"
)]
pub struct PoolerArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: PoolerCommand,
}

/// What can be done with poolers.
#[derive(Debug, Clone, Subcommand)]
pub enum PoolerCommand {
    /// Make the role and the functions in PostgreSQL that the poolers ask for passwords by
    Setup(PoolerSetupArgs),
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
