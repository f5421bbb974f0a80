//! The database that a session is opened in.

use clap::Args;

/// Which database of a server: a flattened part of the commands that take somebody's own SQL.
#[derive(Debug, Clone, Args)]
pub struct DatabaseArgs {
    /// Database
    #[arg(
        id = "database",
        short = 'd',
        long = "database",
        env = "PGCTL_DATABASE",
        hide_env = true,
        value_name = "NAME",
        default_value = "postgres"
    )]
    pub name: String,
}
