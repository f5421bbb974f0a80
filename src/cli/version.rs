//! `pgctl version`.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

/// Show the versions of pgctl, of Kubernetes, and of PostgreSQL in every pod
///
/// What can't be asked is said, with the reason, and is no failure: without a cluster, too, the version of
/// pgctl itself is told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl version             of everything
  pgctl version --client    of pgctl only; nobody is asked
  pgctl version -o json | jq -r '.clusters[].servers[] | [.pod, .version, .image] | @tsv'

Exit codes: 0")]
pub struct VersionArgs {
    /// Only that of pgctl: nobody is asked
    #[arg(long, env = "PGCTL_CLIENT", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub client: bool,
}
