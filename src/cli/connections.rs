//! `pgctl connections`.

use clap::{Args, ValueEnum};

use super::watch::WatchArgs;

/// Show who is connected, against the limit, and what keeps dead rows from going
///
/// For every server: how many of the connections that are open to everybody are used (max_connections less
/// those that are reserved), by whom and in which state, the oldest transaction, and what holds VACUUM back:
/// a session, a query of a standby, a slot or a prepared transaction.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl connections
  pgctl connections --by client           by the address that they come from
  pgctl connections --by user,database -w
  pgctl connections --max-used 70 -q      a check: exit code 4 when more than 70 % are used

Exit codes: 0; 2 no such pod; 4 more connections are used than --max-used; 7 the API or every database is out of reach")]
pub struct ConnectionsArgs {
    /// Only the server of this pod; may be given several times
    #[arg(long, env = "PGCTL_POD", hide_env = true, value_name = "POD")]
    pub pod: Vec<String>,
    /// By what they are taken together
    #[arg(
        long,
        env = "PGCTL_BY",
        hide_env = true,
        value_name = "WHAT",
        value_delimiter = ',',
        default_value = "user,database,application"
    )]
    pub by: Vec<ConnectionsBy>,
    /// How many percent of the connections may be used
    #[arg(long, env = "PGCTL_MAX_USED", hide_env = true, value_name = "PERCENT", default_value = "90", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub max_used: u8,
    /// Whether and how often it looks again.
    #[command(flatten)]
    pub watch: WatchArgs,
}

/// By what connections are taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ConnectionsBy {
    /// The role
    User,
    /// The database
    Database,
    /// The application, as it calls itself
    Application,
    /// The address that it comes from
    Client,
}
