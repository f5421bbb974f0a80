//! `pgctl rejoin` and `pgctl reinit`.

use std::time::Duration;

use clap::Args;

use super::OperationArgs;
use super::global::positive_duration;

/// Bring a former primary back as a standby
///
/// It is rewound onto the present primary (pg_rewind), or with --clone copied anew.
#[derive(Debug, Clone, Args)]
pub struct RejoinArgs {
    /// The pod, by any unambiguous tail of its name
    #[arg(required_unless_present_any = ["resume", "abort"], value_name = "POD")]
    pub pod: Option<String>,
    /// Throw its data away and copy it anew
    #[arg(long)]
    pub clone: bool,
    /// The machine of an earlier pod of this name, whose end nobody has seen, is off: nothing is left to be proven of it
    #[arg(long)]
    pub accept_split_brain_risk: bool,
    /// How long it may take until it streams
    #[arg(long, env = "PGCTL_STREAM_TIMEOUT", hide_env = true, value_name = "TIME", default_value = "10m", value_parser = positive_duration)]
    pub stream_timeout: Duration,
    /// How to run it.
    #[command(flatten)]
    pub operation: OperationArgs,
}

/// Give a broken standby a new volume, copied from the primary
#[derive(Debug, Clone, Args)]
pub struct ReinitArgs {
    /// The pod, by any unambiguous tail of its name
    #[arg(required_unless_present_any = ["resume", "abort"], value_name = "POD")]
    pub pod: Option<String>,
    /// How long it may take until it streams
    #[arg(long, env = "PGCTL_STREAM_TIMEOUT", hide_env = true, value_name = "TIME", default_value = "1h", value_parser = positive_duration)]
    pub stream_timeout: Duration,
    /// How to run it.
    #[command(flatten)]
    pub operation: OperationArgs,
}
