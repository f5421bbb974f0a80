//! `pgctl config`.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Subcommand};

/// Show the settings that each server goes by and where they come from; or how they differ
///
/// The settings of all servers, with file and line (or ALTER SYSTEM, the command line), the default, and whether
/// a restart is awaited; what is set for a database or a role beside them. What may hold a secret is not
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
  pgctl config diff -q || echo 'somebody has changed something'

Exit codes: 0 nothing differs; 2 no such setting or pod; 4 something differs; 7 the API or every database is out of reach")]
pub struct ConfigDiffArgs {
    /// Names of settings; * stands for anything [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Only the server of this pod; may be given several times
    #[arg(long, env = "PGCTL_POD", hide_env = true, value_name = "POD")]
    pub pod: Vec<String>,
}
