//! `pgctl doctor`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::fleet::FleetArgs;
use super::global::duration;
use super::judging::JudgingArgs;
use super::watch::WatchArgs;
use crate::cluster::Severity;

/// Examine a cluster: health, protection, vacuum, indexes, security, settings, rights
///
/// Each result has a stable code, its evidence, and a command that mends it; docs/checks.md has a
/// section for each. What could not be looked at is UNKNOWN, with the reason, and never passed. Passwords
/// are compared and never shown. -v shows the checks that passed, too.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl doctor                             everything that is wrong, the most urgent first
  pgctl doctor -v                          and what was looked at and found well
  pgctl doctor --store s3://backups/pg     the backups, too
  pgctl doctor --check trust-login --check invalid-index
  pgctl doctor -A                          a line for each cluster, the worst last
  pgctl doctor --fail-on warning -q        for a pipeline: a line, and the exit code
  pgctl doctor -o json | jq -r '.results[] | select(.outcome == \"critical\") | .code'

With -A what you may do is asked for all namespaces at once, and of each only what is not allowed in all.
Where that would take more than 1,000 questions it is UNKNOWN, unless --check rights-to-look or
rights-to-operate is given.

Exit codes: 0; 4 something is at least as bad as --fail-on (unknown counts as a warning), or one of several
contexts is out of reach; 7 the API or every database is out of reach")]
pub struct DoctorArgs {
    /// Whether it examines one cluster, or many.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Exit with 4 when something is at least as bad
    #[arg(
        long,
        env = "PGCTL_FAIL_ON",
        hide_env = true,
        value_name = "SEVERITY",
        default_value = "critical"
    )]
    pub fail_on: FailOn,
    /// Only the check of this code; may be given several times
    #[arg(
        long = "check",
        env = "PGCTL_CHECK",
        hide_env = true,
        value_name = "CODE",
        value_delimiter = ','
    )]
    pub checks: Vec<String>,
    /// By what it is judged.
    #[command(flatten)]
    pub judging: JudgingArgs,
    /// How old statistics must be to call an index unused
    #[arg(long, env = "PGCTL_STATISTICS_AGE", hide_env = true, value_name = "TIME", default_value = "168h", value_parser = duration)]
    pub statistics_age: Duration,
    /// Whether and how often it looks again.
    #[command(flatten)]
    pub watch: WatchArgs,
}

/// From where on the exit code says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Anything that was found
    Note,
    /// Warnings, what could not be looked at, and worse
    Warning,
    /// Only what is critical
    Critical,
}

impl From<FailOn> for Severity {
    fn from(fail_on: FailOn) -> Self {
        match fail_on {
            FailOn::Note => Self::Note,
            FailOn::Warning => Self::Warning,
            FailOn::Critical => Self::Critical,
        }
    }
}
