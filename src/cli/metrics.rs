//! `pgctl metrics`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use super::fleet::FleetArgs;
use super::global::positive_duration;
use super::judging::JudgingArgs;

/// Tell what is known of a cluster, or of many, in OpenMetrics, once or for Prometheus
///
/// What status, lag, slots, backup list and history know: docs/metrics.md has every name. With --listen it
/// answers GET /metrics and GET /healthz until it is stopped. However often it is asked, the cluster is
/// looked at once in --interval; while the cluster hangs, an answer comes in time all the same, with what
/// was known and pgctl_up 0.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl metrics                              once, to stdout
  pgctl metrics --listen 0.0.0.0:9186        for Prometheus (deploy/components/monitoring runs this)
  pgctl metrics --store s3://backups/pg      the backups, too
  pgctl metrics -A --listen 0.0.0.0:9186     one for the clusters of all namespaces

Exit codes: 0; 4 one of several contexts is out of reach; 7 the API or every database is out of reach")]
pub struct MetricsArgs {
    /// Whether it tells of one cluster, or of many.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Serve at this address, and do not end
    #[arg(long, env = "PGCTL_LISTEN", hide_env = true, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// With --listen: look at the cluster at most once in so long
    #[arg(long, env = "PGCTL_INTERVAL", hide_env = true, value_name = "TIME", default_value = "15s", value_parser = positive_duration)]
    pub interval: Duration,
    /// By what it is judged.
    #[command(flatten)]
    pub judging: JudgingArgs,
}
