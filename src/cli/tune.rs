//! `pgctl tune`.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

/// Propose settings for the memory, the processors and the volume that the pods have
///
/// Each with its reason and where that is from, compared with what the primary goes by; what is near enough is left
/// alone. It changes nothing: the deployment's file is the place for it, in which every pod gets it, also those that
/// come later.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl tune
  pgctl tune -o wide                 with the source of each
  pgctl tune --diff                  the lines of the deployment's files that would change
  pgctl tune --patch                 for the overlay's kustomization.yaml
  pgctl tune -o json | jq -r '.settings[] | \"\\(.name) = \\(.proposed)\"'

Exit codes: 0; 7 the API or every database is out of reach")]
pub struct TuneArgs {
    /// Print the lines that would change in the deployment's files
    #[arg(long, env = "PGCTL_DIFF", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), conflicts_with = "patch")]
    pub diff: bool,
    /// Print a kustomize patch for the overlay
    #[arg(long, env = "PGCTL_PATCH", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub patch: bool,
}
