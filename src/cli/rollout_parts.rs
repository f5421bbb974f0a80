//! What `rollout`, `upgrade` and `drain` have in common: pods one at a time, and the role from one to another.

use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

use super::HoldArgs;
use super::global::positive_duration;

/// How pods are gone through, and how the role is handed over.
#[derive(Debug, Clone, Args)]
pub struct RolloutPartsArgs {
    /// How long one pod may take until it is back
    #[arg(long, env = "PGCTL_POD_TIMEOUT", hide_env = true, value_name = "TIME", default_value = "15m", value_parser = positive_duration)]
    pub pod_timeout: Duration,
    /// Go on although a GitOps tool may revert it
    #[arg(long, env = "PGCTL_ALLOW_DRIFT", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub allow_drift: bool,
    /// Hand the role over although logical slots are lost
    #[arg(long)]
    pub allow_slot_loss: bool,
    /// Hand the role over although WAL is missing from the archive
    #[arg(long)]
    pub allow_archive_gap: bool,
    /// Hand the role over although a base backup is cut off
    #[arg(long)]
    pub allow_backup_loss: bool,
    /// Whether clients wait while the role is handed over.
    #[command(flatten)]
    pub hold: HoldArgs,
}
