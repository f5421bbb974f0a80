//! What a cluster is judged by.

use clap::Args;

use super::backup::StoreArgs;
use crate::cluster::LagLimit;

/// By what it is judged: a flattened part of the commands that say whether a cluster is well.
#[derive(Debug, Clone, Args)]
pub struct JudgingArgs {
    /// Look at the backups in this store, too: a directory, or s3://BUCKET/PREFIX
    #[arg(long, env = "PGCTL_STORE", hide_env = true, value_name = "STORE")]
    pub store: Option<String>,
    /// A standby behind by more is a problem: a time, a size, or both
    #[arg(
        long,
        env = "PGCTL_MAX_LAG",
        hide_env = true,
        value_name = "LIMIT",
        default_value = "30s,256MB"
    )]
    pub max_lag: LagLimit,
}

impl JudgingArgs {
    /// The store, as the commands take it that can't do without.
    pub fn store(&self) -> Option<StoreArgs> {
        let store = self.store.clone()?;
        Some(StoreArgs { store: Some(store) })
    }
}
