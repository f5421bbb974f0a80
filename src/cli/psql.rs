//! `pgctl psql` and `pgctl shell`.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

use super::database::DatabaseArgs;

/// Open psql on the primary, on a standby, or on a pod
///
/// With the psql of this machine, through a local port of its own that follows the primary; where there
/// is none, with the pod's. It is logged in as the cluster's superuser: its password is in a file that
/// only you can read, for as long as psql runs, and neither in arguments nor in the environment.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl psql                               on the primary
  pgctl psql --replica -d shop             on a standby that is ready
  pgctl psql replica-0 -- -c 'select 1'    what comes after -- is for psql
  pgctl psql -- -X -At -f report.sql > report.txt

Exit codes: psql's own (1 an error of its own, 2 the connection was lost, 3 a script failed); before it
runs: 2 there is no such pod, 3 no permission, 7 the API is out of reach, or no primary is seen")]
pub struct PsqlArgs {
    /// Name of a pod, or its tail [default: the primary]
    #[arg(value_name = "POD", conflicts_with_all = ["primary", "replica"])]
    pub pod: Option<String>,
    /// On the primary, whichever pod that is
    #[arg(long, conflicts_with = "replica", env = "PGCTL_PRIMARY", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub primary: bool,
    /// On a standby that is ready
    #[arg(long, env = "PGCTL_REPLICA", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub replica: bool,
    /// Which database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// With the pod's psql, also where this machine has one
    #[arg(long, env = "PGCTL_IN_POD", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub in_pod: bool,
    /// Arguments of psql
    #[arg(last = true, value_name = "ARGUMENT")]
    pub arguments: Vec<String>,
}

/// Open a shell in a pod, or run a command there
///
/// In the database container. On a terminal it is one: Ctrl-C, colours and the size of the window are
/// the shell's. Without one, standard input is the command's.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl shell replica-0                 a shell: bash, or sh where there is none
  pgctl shell primary -- df -h          a command, in the primary's pod
  pgctl shell replica-0 -- ps -ef > processes   its output, byte for byte

Exit codes: the command's own; before it runs: 2 there is no such pod, 3 no permission for pods/exec,
7 the API is out of reach, no primary is seen, or the connection was lost")]
pub struct ShellArgs {
    /// Name of a pod, or its tail; or `primary`
    #[arg(value_name = "POD")]
    pub pod: String,
    /// The command and its arguments [default: a shell]
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}
