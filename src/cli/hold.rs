//! Whether the clients of poolers wait for a switchover.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::global::positive_duration;
use crate::plan::Hold;

/// Clients are not to wait for longer than they would be held at all (`deploy/components/pooler/scripts/hold.sh`).
fn hold_limit(text: &str) -> Result<Duration, String> {
    const MOST: Duration = Duration::from_secs(20);
    let limit = positive_duration(text)?;
    match limit > MOST {
        true => Err(format!(
            "clients would wait too long: {} s at most",
            MOST.as_secs()
        )),
        false => Ok(limit),
    }
}

/// Whether the clients of poolers wait while the primary moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HoldClients {
    /// Where it can be done; else they may see errors, and are told of
    Try,
    /// Or the primary stays where it is
    Require,
    /// No
    Off,
}

impl From<HoldClients> for Hold {
    fn from(it: HoldClients) -> Self {
        match it {
            HoldClients::Try => Self::Try,
            HoldClients::Require => Self::Require,
            HoldClients::Off => Self::Off,
        }
    }
}

/// How the clients of poolers are dealt with in a switchover.
#[derive(Debug, Clone, Args)]
pub struct HoldArgs {
    /// Let the clients of poolers wait while the primary moves, in place of failing (only in a switchover)
    #[arg(id = "hold", long = "hold", env = "PGCTL_HOLD", hide_env = true, value_name = "WHEN", value_enum, default_value_t = HoldClients::Try)]
    pub clients: HoldClients,
    /// How long running transactions may take until they wait; then nobody does
    #[arg(id = "hold_limit", long = "hold-limit", env = "PGCTL_HOLD_LIMIT", hide_env = true, value_name = "TIME", default_value = "2s", value_parser = hold_limit)]
    pub limit: Duration,
}

impl HoldArgs {
    /// The limit in whole seconds, one at least.
    pub fn seconds(&self) -> u32 {
        u32::try_from(self.limit.as_secs().max(1)).unwrap_or(u32::MAX)
    }
}
