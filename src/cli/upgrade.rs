//! `pgctl upgrade`.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

use super::{ChangeArgs, RolloutPartsArgs};

/// Bring every server to another minor version, the standbys first
///
/// Gives the StatefulSets the image of that version, and then does what pgctl rollout does: the standbys one at a
/// time, a switchover, the old primary last. Where Git says what the image is, it says what to change there. Another
/// major version is refused.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl upgrade --to 17.6 --dry-run      which image, and what speaks against it
  pgctl upgrade --to 17.6
  pgctl upgrade --to 17.6 --image registry.example/postgres:17.6-2
  pgctl rollout --undo                   back to the image of before

Exit codes: 0; 3 refused, nothing was changed; 5 the image is set and the rollout has stopped: says what to type;
8 the image was asked for, and not proven")]
pub struct UpgradeArgs {
    /// The version: 17.6
    #[arg(long, env = "PGCTL_TO", hide_env = true, value_name = "VERSION")]
    pub to: String,
    /// The image that has it [default: the present one, with the version in its tag]
    #[arg(long, env = "PGCTL_IMAGE", hide_env = true, value_name = "IMAGE")]
    pub image: Option<String>,
    /// At the end make the pod primary again that was it at the beginning
    #[arg(long, env = "PGCTL_BACK", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub back: bool,
    /// How the pods are gone through.
    #[command(flatten)]
    pub parts: RolloutPartsArgs,
    /// How to run it.
    #[command(flatten)]
    pub change: ChangeArgs,
}
