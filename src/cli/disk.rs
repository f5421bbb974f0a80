//! `pgctl disk`.

use std::time::Duration;

use clap::Args;

use super::global::duration;
use super::watch::WatchArgs;

/// Show what takes the space on each volume, how fast that grows, and when it is full
///
/// For every server: its volumes (df in the pod; those of its WAL and of its tablespaces, too), databases, WAL and what
/// slots hold back of it, temporary files, the growth over a sample and the time until a volume is full. Of the primary, or of the pods that are named, also
/// the largest tables of all databases with their indexes, dead rows and bloat. Bloat is estimated by the width of
/// the columns and the number of rows at the last ANALYZE: good for finding the worst, not for adding up.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl disk
  pgctl disk --sample 1m            growth over a minute
  pgctl disk --tables 30            more tables
  pgctl disk --tables 0 -q          only volumes and databases
  pgctl disk --max-used 80          a check: exit code 4 when a volume is fuller

Exit codes: 0; 2 no such pod; 4 a volume is fuller than --max-used; 7 the API or every database is out of reach")]
pub struct DiskArgs {
    /// Only the server of this pod; may be given several times
    #[arg(long, env = "PGCTL_POD", hide_env = true, value_name = "POD")]
    pub pod: Vec<String>,
    /// How many of the largest tables are shown; 0 asks for none
    #[arg(long, env = "PGCTL_TABLES", hide_env = true, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub tables: u32,
    /// How many percent of a volume may be used
    #[arg(long, env = "PGCTL_MAX_USED", hide_env = true, value_name = "PERCENT", default_value = "90", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub max_used: u8,
    /// Time over which the growth is measured; 0 measures none
    #[arg(long, env = "PGCTL_SAMPLE", hide_env = true, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub sample: Duration,
    /// Whether and how often it looks again.
    #[command(flatten)]
    pub watch: WatchArgs,
}
