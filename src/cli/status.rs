//! `pgctl status`.

use clap::Args;

use super::fleet::FleetArgs;
use super::judging::JudgingArgs;
use super::watch::WatchArgs;

/// Show how a cluster is, what is wrong and what to type about it
///
/// The first line is the answer: HEALTHY, DEGRADED or CRITICAL. What is wrong comes last, the most
/// urgent first, with the command to type about it. Roles are what the databases say they are,
/// whatever the labels say. On a narrow terminal the less important columns are left out.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl status                      the cluster of the current namespace
  pgctl status -w                   and again every 2 s
  pgctl status -A                   a line for each cluster, the worst last
  pgctl status -A --contexts all    the same, in every context of the kubeconfig
  pgctl status -o json | jq .verdict
  pgctl status -q || page-someone   one line, and the exit code

Exit codes: 0 healthy; 4 degraded or critical, or one of several contexts is out of reach; 7 the API or every
database is out of reach")]
pub struct StatusArgs {
    /// Whether it shows one cluster, or many.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// By what it is judged.
    #[command(flatten)]
    pub judging: JudgingArgs,
    /// Whether and how often it looks again.
    #[command(flatten)]
    pub watch: WatchArgs,
}
