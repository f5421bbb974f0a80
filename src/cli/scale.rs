//! `pgctl scale`.

use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

use super::OperationArgs;
use super::global::positive_duration;

/// Change the number of replica pods, and see it through
///
/// Waits until every new standby serves reads; drops the slots of those that go. When an autoscaler
/// governs the pods one of --pin, --permanent and --temporary says what is to become of the change;
/// on a terminal it asks.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl scale 4                          without an autoscaler
  pgctl scale 4 --pin                    and hold it there; pgctl hpa resume ends that
  pgctl scale 2 --permanent --delete-volumes
  pgctl scale --resume                   go on after an interruption

Exit codes: 0; 3 refused, nothing was changed; 5 incomplete: --resume; 6 rolled back;
8 scaled, but not every pod was there in time")]
pub struct ScaleArgs {
    /// How many pods of the replica StatefulSet
    #[arg(required_unless_present_any = ["resume", "abort"], value_name = "N", value_parser = clap::value_parser!(u32).range(..=1000))]
    pub replicas: Option<u32>,
    /// Hold the autoscaler at this number, until pgctl hpa resume
    #[arg(long, env = "PGCTL_PIN", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), conflicts_with_all = ["permanent", "temporary"])]
    pub pin: bool,
    /// Make it the autoscaler's minimum, and its maximum at least that
    #[arg(long, env = "PGCTL_PERMANENT", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), conflicts_with = "temporary")]
    pub permanent: bool,
    /// Leave the autoscaler alone: it may change the number again
    #[arg(long, env = "PGCTL_TEMPORARY", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub temporary: bool,
    /// Do not wait until the pods are there, or gone
    #[arg(long, env = "PGCTL_NO_WAIT", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), conflicts_with = "delete_volumes")]
    pub no_wait: bool,
    /// Delete the volumes of the pods that go, and of those that went before
    #[arg(long)]
    pub delete_volumes: bool,
    /// How many bytes a standby that is done may be behind
    #[arg(
        long,
        env = "PGCTL_MAX_LAG_BYTES",
        hide_env = true,
        value_name = "BYTES",
        default_value_t = crate::plan::DEFAULT_MAX_LAG_BYTES
    )]
    pub max_lag_bytes: u64,
    /// How long the new standbys may take
    #[arg(long, env = "PGCTL_WAIT_TIMEOUT", hide_env = true, value_name = "TIME", default_value = "1h", value_parser = positive_duration)]
    pub wait_timeout: Duration,
    /// How to run it.
    #[command(flatten)]
    pub operation: OperationArgs,
}
