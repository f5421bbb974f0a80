//! Several clusters in one look.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

/// Which clusters are looked at together: a flattened part of the commands that can show many.
#[derive(Debug, Clone, Args)]
pub struct FleetArgs {
    /// Every cluster of all namespaces
    #[arg(short = 'A', long, env = "PGCTL_ALL_NAMESPACES", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub all_namespaces: bool,
    /// Every cluster of several contexts of the kubeconfig at once: their names, or "all"
    #[arg(
        long,
        env = "PGCTL_CONTEXTS",
        hide_env = true,
        value_name = "NAME,...",
        value_delimiter = ','
    )]
    pub contexts: Vec<String>,
}

impl FleetArgs {
    /// Whether more than the one cluster of a namespace is asked for.
    pub fn several(&self) -> bool {
        self.all_namespaces || !self.contexts.is_empty()
    }
}
