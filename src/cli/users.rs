//! `pgctl users`.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Subcommand};

use super::operation::SmallChangeArgs;
use super::watch::WatchArgs;

/// List the roles: what they may, how their password is stored, where they may connect; or make an
/// application's
///
/// The list is the same on every server; the sessions are those of all servers that answer. No password and
/// no verifier is ever shown, only its kind.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  pgctl users
  pgctl users --all                     PostgreSQL's own roles (pg_...), too
  pgctl users create app --database shop
  pgctl users create postgres_exporter --monitor
  pgctl users -o json | jq -r '.users[] | select(.superuser) | .name'

Exit codes: 0; 7 the API or every database is out of reach"
)]
pub struct UsersArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<UsersCommand>,
    /// PostgreSQL's own roles, too
    #[arg(short, long, env = "PGCTL_ALL", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub all: bool,
    /// Whether and how often it looks again.
    #[command(flatten)]
    pub watch: WatchArgs,
}

/// What can be done with roles.
#[derive(Debug, Clone, Subcommand)]
pub enum UsersCommand {
    /// Make a role for an application, with its database, and its password in a Secret
    Create(UserCreateArgs),
    /// Drop a role of an application, and its Secret
    Drop(UserDropArgs),
}

/// Make a role for an application, with its database, and its password in a Secret
///
/// The role gets the least rights: it may connect to its database and owns a schema of its own name there,
/// where its tables go. A database that is not there is made, and no other role may connect to it. With
/// --readonly the role may read all tables of the database, those of later, too, and may make nothing. With
/// --monitor it is a member of pg_monitor, for what watches the servers, and gets no right on any table; a
/// role that may more is never made one.
///
/// The password is made now and is in the Secret only: not on the screen, in no log and in no statement (the
/// server gets a SCRAM verifier). A Secret that is there is never overwritten. What was interrupted is gone
/// on with by the same command; the role can log in only once all is done. It is proven by logging in as
/// the role.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl users create app --database shop --dry-run    what it would get, and what speaks against it
  pgctl users create app --database shop
  pgctl users create report --database shop --readonly --connection-limit 5
  pgctl users create postgres_exporter --monitor --app-secret postgres-exporter
  kubectl -n NS get secret CLUSTER-user-app    host, port, dbname, user, password, uri: for envFrom or a binding

Exit codes: 0; 1 the server did not do it; 2 the name is none; 3 refused, nothing was changed;
7 the API or the primary is out of reach; 8 begun, and not proven: the same command goes on")]
pub struct UserCreateArgs {
    /// Name of the role: small letters, digits, _ and -
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The database that it is for; it is made if it is not there [default with --monitor: postgres]
    #[arg(
        short,
        long,
        env = "PGCTL_DATABASE",
        hide_env = true,
        value_name = "NAME",
        required_unless_present = "monitor"
    )]
    pub database: Option<String>,
    /// It may read everything there, and write nothing
    #[arg(long, env = "PGCTL_READONLY", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub readonly: bool,
    /// It may look at what the servers do and count (pg_monitor), and at no table: for an exporter
    #[arg(long, env = "PGCTL_MONITOR", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), conflicts_with = "readonly")]
    pub monitor: bool,
    /// How many sessions it may have on each server [default: any number; with --monitor 5 when it is made]
    #[arg(long, env = "PGCTL_CONNECTION_LIMIT", hide_env = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub connection_limit: Option<u32>,
    /// Name of the Secret for its password [default: CLUSTER-user-NAME]
    #[arg(long, env = "PGCTL_APP_SECRET", hide_env = true, value_name = "SECRET")]
    pub app_secret: Option<String>,
    /// How to run it.
    #[command(flatten)]
    pub change: SmallChangeArgs,
}

/// Drop a role of an application, and its Secret
///
/// Its rights and its empty schemas go with it; its databases and all data stay. One that owns tables, or
/// that is connected, is refused, with what to type about it.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl users drop app --dry-run      what it owns and who uses it
  pgctl users drop app                asks for its name first
  pgctl users drop app --disconnect --yes

Exit codes: 0; 1 the server did not do it; 2 there is no such role; 3 refused, nothing was changed;
7 the API or the primary is out of reach; 8 begun, and not proven: the same command goes on")]
pub struct UserDropArgs {
    /// Name of the role
    #[arg(value_name = "NAME")]
    pub name: String,
    /// End its sessions
    #[arg(long, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub disconnect: bool,
    /// Name of the Secret with its password [default: CLUSTER-user-NAME]
    #[arg(long, env = "PGCTL_APP_SECRET", hide_env = true, value_name = "SECRET")]
    pub app_secret: Option<String>,
    /// How to run it.
    #[command(flatten)]
    pub change: SmallChangeArgs,
}
