//! `pgctl lag`.

use std::time::Duration;

use clap::Args;

use super::global::duration;
use super::watch::WatchArgs;
use crate::cluster::LagLimit;

/// Show how far each standby is behind, or check it
///
/// Bytes and seconds at each stage, as the sender sees them and as the standby says itself, the
/// WAL that each slot holds back, the pace, and when a standby will have caught up. A standby that
/// has all that the primary wrote is 0 s behind, however long ago that was. A time with ≤ is an
/// upper bound: nobody measures a stream that is cut or paused.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl lag                          once, with the pace over 1 s
  pgctl lag -w                       live
  pgctl lag --max-lag 10s            a check: exit code 4 when a standby is behind by more
  pgctl lag --max-lag 10s,16MB -q    the same with both limits, printing only what fails

Exit codes: 0; 4 a standby fails the check, or can't be asked; 7 the API or every database is out of reach")]
pub struct LagArgs {
    /// Make it a check: a time (10s), a size (16MB), or both (10s,16MB)
    #[arg(long, env = "PGCTL_MAX_LAG", hide_env = true, value_name = "LIMIT")]
    pub max_lag: Option<LagLimit>,
    /// Time over which the pace is measured; 0 measures none
    #[arg(long, env = "PGCTL_SAMPLE", hide_env = true, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub sample: Duration,
    /// Whether and how often it looks again.
    #[command(flatten)]
    pub watch: WatchArgs,
}
