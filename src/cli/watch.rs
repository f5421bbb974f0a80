//! Looking again and again.

use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

use super::global::positive_duration;

/// The options of a command that can look again and again.
#[derive(Debug, Clone, Args)]
pub struct WatchArgs {
    /// Look again and again, until Ctrl-C
    #[arg(short, long, env = "PGCTL_WATCH", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub watch: bool,
    /// Time between two looks
    #[arg(long, env = "PGCTL_INTERVAL", hide_env = true, value_name = "TIME", default_value = "2s", value_parser = positive_duration)]
    pub interval: Duration,
}
