//! `pgctl passwords`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Subcommand};

use super::global::duration;
use super::operation::SmallChangeArgs;

/// Change the passwords of the superuser and of the standbys, without anybody being locked out
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl passwords rotate --all --dry-run
  pgctl passwords rotate replication")]
pub struct PasswordsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: PasswordsCommand,
}

/// What can be done with passwords.
#[derive(Debug, Clone, Subcommand)]
pub enum PasswordsCommand {
    /// Give a role a new password, in the database and in the Secret
    Rotate(PasswordRotateArgs),
}

/// Give a role a new password, in the database and in the Secret
///
/// The new one is put beside the old one in the Secret, waited for in every pod, set in the database (as a verifier: it
/// shows in no log), proven by logging in everywhere, and only then the old one goes. Open connections stay. A standby
/// that restarts in the middle comes in with whichever of the two it is.
///
/// What was interrupted, wherever that was, is gone on with by the same command; --abort goes back to the old one. The
/// new password is made here, and is never shown.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl passwords rotate --all --dry-run             what it would do, and what speaks against it
  pgctl passwords rotate replication                 of the role that standbys stream as
  pgctl passwords rotate superuser
  pass show postgres | pgctl passwords rotate superuser --password-file - --yes
  pgctl passwords rotate --all --abort               back, as long as it has not ended

Exit codes: 0; 2 usage; 3 refused, nothing was changed; 5 a pod or a server has not got it yet: the same command
goes on; 7 the API or the primary is out of reach; 8 not proven")]
pub struct PasswordRotateArgs {
    /// superuser, replication, or the name of one of the two roles
    #[arg(value_name = "WHICH", conflicts_with = "all")]
    pub which: Option<String>,
    /// Both
    #[arg(short, long, env = "PGCTL_ALL", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub all: bool,
    /// Take the new password from this file; - for standard input
    #[arg(
        long,
        env = "PGCTL_PASSWORD_FILE",
        hide_env = true,
        value_name = "FILE",
        conflicts_with_all = ["all", "abort"]
    )]
    pub password_file: Option<PathBuf>,
    /// Go back to the password of before
    #[arg(long, env = "PGCTL_ABORT", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub abort: bool,
    /// How long the pods may take to get it; then the same command goes on
    #[arg(long, env = "PGCTL_WAIT", hide_env = true, value_name = "TIME", default_value = "5m", value_parser = duration)]
    pub wait: Duration,
    /// How to run it.
    #[command(flatten)]
    pub change: SmallChangeArgs,
}
