//! `pgctl databases`.

use clap::Args;

use super::watch::WatchArgs;

/// List the databases: owner, size, sessions against the limit, encoding, collation
///
/// The list is the same on every server; the sessions are those of all servers that answer. What would
/// surprise somebody is said: a database that lets nobody in, one whose drop was interrupted, and one whose
/// indexes were made with another version of its collation than a server has.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl databases
  pgctl databases -o json | jq -r '.databases[] | [.name, .bytes] | @tsv'
  pgctl disk --pod primary-0     the largest tables of each

Exit codes: 0; 7 the API or every database is out of reach")]
pub struct DatabasesArgs {
    /// Whether and how often it looks again.
    #[command(flatten)]
    pub watch: WatchArgs,
}
