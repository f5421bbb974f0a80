//! What every guided operation takes.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

/// Options of a guided operation.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Running it")]
pub struct OperationArgs {
    /// How to run it.
    #[command(flatten)]
    pub change: ChangeArgs,
    /// How to go on with one that was interrupted.
    #[command(flatten)]
    pub go_on: GoOnArgs,
}

/// How something that changes the cluster is run.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Running it")]
pub struct ChangeArgs {
    /// Only show the checks and the plan
    #[arg(long, env = "PGCTL_DRY_RUN", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long, env = "PGCTL_YES", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub yes: bool,
    /// What is told.
    #[command(flatten)]
    pub telling: EventsArgs,
}

/// How a small change is made: one statement, done in a moment.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Running it")]
pub struct SmallChangeArgs {
    /// Only show what would be done, and what speaks against it
    #[arg(long, env = "PGCTL_DRY_RUN", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long, env = "PGCTL_YES", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub yes: bool,
}

/// What is told while it runs.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Running it")]
pub struct EventsArgs {
    /// Tell what happens as JSON Lines on stderr, for scripts (docs/output.md); nobody is asked then
    #[arg(long, env = "PGCTL_EVENTS", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub events: bool,
}

/// What can be done about an operation that was interrupted.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Running it")]
pub struct GoOnArgs {
    /// Go on with the operation that was left unfinished
    #[arg(long, env = "PGCTL_RESUME", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), conflicts_with = "abort")]
    pub resume: bool,
    /// Put back what the unfinished operation has done
    #[arg(long, env = "PGCTL_ABORT", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub abort: bool,
}
