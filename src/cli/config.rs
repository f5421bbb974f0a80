//! `pgctl config`.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Subcommand};

use super::operation::SmallChangeArgs;

/// Show the settings that each server goes by and where they come from, or how they differ; or change them
///
/// The settings of all servers, with file and line (or ALTER SYSTEM, the command line), the default, and whether
/// a restart is awaited; below them what is set for databases and roles. What may hold a secret is not
/// shown.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  pgctl config                        what is set, and where
  pgctl config show work_mem 'log_*'
  pgctl config show --all -o json | jq -r '.servers[].answer.settings[] | .name'
  pgctl config diff                   what differs between the servers, and from the deployment's ConfigMap
  pgctl config set work_mem=8MB --dry-run
  pgctl config unset work_mem

Exit codes: 0; 2 no such setting or pod; 7 the API or every database is out of reach"
)]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<ConfigCommand>,
    /// What is shown.
    #[command(flatten)]
    pub show: ConfigShowArgs,
}

/// What can be done with settings.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Show the settings that each server goes by
    Show(ConfigShowArgs),
    /// Show what differs between the servers, and from the deployment's ConfigMap
    Diff(ConfigDiffArgs),
    /// Set settings on every server, by ALTER SYSTEM and a reload
    Set(ConfigSetArgs),
    /// Take out what ALTER SYSTEM has set, on every server
    Unset(ConfigUnsetArgs),
    /// Let the servers read their files again, and say what that has brought
    Reload(ConfigReloadArgs),
    /// Write a file with defaults of pgctl's own options
    Init(ConfigInitArgs),
    /// Show where pgctl's own defaults are, and which are in force
    Where(ConfigWhereArgs),
}

/// Write a file with defaults of pgctl's own options
///
/// A store, a namespace for each context, limits: what would be typed each time. The file is ~/.config/pgctl/config.toml
/// (XDG_CONFIG_HOME counts, PGCTL_CONFIG names another). What is typed comes first, then PGCTL_... variables, then the file. All of
/// it is a comment at first; a file that is there stays as it is.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl config init
  PGCTL_CONFIG=./pgctl.toml pgctl config init

Exit codes: 0; 1 it can't be written; 3 there is one")]
pub struct ConfigInitArgs {}

/// Show where pgctl's own defaults are, and which are in force
///
/// Of the context that is asked: the current one, or --context NAME. Nothing is asked of a cluster.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl config where
  pgctl config where --context production

Exit codes: 0, also when there is no file; 2 it can't be used: the line is named")]
pub struct ConfigWhereArgs {}

/// Set settings on every server, by ALTER SYSTEM and a reload
///
/// For what the deployment's files do not have; what they have is refused, with the line to change. Before anything
/// is changed the servers are asked whether they take it: names, units, bounds, libraries, the container's memory, and
/// whether they start again with it. Afterwards each says whether it goes by it or waits for a restart.
///
/// What a standby must not have lower than its primary (max_connections and the like) is raised on the standbys first,
/// and on the primary once they run with it; lowered the other way round. The same command goes on after each
/// restart. It goes on as well when a server did not answer: what is there already is left alone.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl config set work_mem=8MB --dry-run
  pgctl config set log_min_duration_statement=500ms log_statement=ddl
  pgctl config set 'search_path=\"$user\", shop, public'
  pgctl config set shared_preload_libraries=pg_stat_statements,auto_explain
  pgctl config set work_mem=64MB --pod replica-1      one server, for a while

Exit codes: 0; 1 a server did not take it; 2 no such setting or pod; 3 refused, nothing was changed; 5 some servers
do not have it yet: the same command goes on; 7 the API or every database is out of reach; 8 not proven")]
pub struct ConfigSetArgs {
    /// A setting and its value; lists have commas
    #[arg(value_name = "NAME=VALUE", required = true, value_parser = assignment)]
    pub assignments: Vec<(String, String)>,
    /// Only the server of this pod; may be given several times
    #[arg(long, env = "PGCTL_POD", hide_env = true, value_name = "POD")]
    pub pod: Vec<String>,
    /// How to run it.
    #[command(flatten)]
    pub change: SmallChangeArgs,
}

/// Take out what ALTER SYSTEM has set, on every server
///
/// From then on the deployment's file counts, or the default. The order is that of `pgctl config set`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl config diff                 what ALTER SYSTEM has set and the deployment does not know
  pgctl config unset work_mem

Exit codes: as of pgctl config set")]
pub struct ConfigUnsetArgs {
    /// Names of settings
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Only the server of this pod; may be given several times
    #[arg(long, env = "PGCTL_POD", hide_env = true, value_name = "POD")]
    pub pod: Vec<String>,
    /// How to run it.
    #[command(flatten)]
    pub change: SmallChangeArgs,
}

/// Let the servers read their files again, and say what that has brought
///
/// After the deployment's ConfigMap was changed, once it has reached the pods (a minute). What takes a restart is said.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl config reload --dry-run     what it would bring
  pgctl config reload
  pgctl config reload replica-0

Exit codes: 0; 2 no such pod; 3 refused, nothing was changed; 5 not all servers have read them; 7 the API or every
database is out of reach; 8 not proven")]
pub struct ConfigReloadArgs {
    /// Only the servers of these pods [default: all]
    #[arg(value_name = "POD")]
    pub pods: Vec<String>,
    /// How to run it.
    #[command(flatten)]
    pub change: SmallChangeArgs,
}

/// Everything behind the first equals sign is the value.
fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.to_owned()))
        }
        Some(_) => Err("a name comes before the equals sign: work_mem=8MB".to_owned()),
        None => {
            Err("NAME=VALUE is wanted; to take a setting out: pgctl config unset NAME".to_owned())
        }
    }
}

/// Which settings of which servers.
#[derive(Debug, Clone, Args)]
pub struct ConfigShowArgs {
    /// Names of settings; * stands for anything [default: all that are set somewhere]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Every setting, also those that nobody has set
    #[arg(short, long, env = "PGCTL_ALL", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub all: bool,
    /// Only the server of this pod; may be given several times
    #[arg(long, env = "PGCTL_POD", hide_env = true, value_name = "POD")]
    pub pod: Vec<String>,
}

/// Show what differs between the servers, and from the deployment's ConfigMap
///
/// What the ConfigMap says and a server does not go by: a wrong value, one that waits for a restart or a reload,
/// one that postgresql.auto.conf or the command line overrules, one that the kubelet has not brought into the pod.
/// What ALTER SYSTEM has set, and the deployment does not know. And in what the servers differ.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl config diff
  pgctl config diff work_mem
  pgctl config diff -q || echo 'something differs, or a server is silent'

Exit codes: 0 nothing differs; 2 no such setting or pod; 4 something differs; 7 not known: the API, or a server that
runs, is out of reach")]
pub struct ConfigDiffArgs {
    /// Names of settings; * stands for anything [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Only the server of this pod; may be given several times
    #[arg(long, env = "PGCTL_POD", hide_env = true, value_name = "POD")]
    pub pod: Vec<String>,
}
