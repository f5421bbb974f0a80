//! From where on something is worth telling.

use crate::cluster::LagLimit;

/// What counts as too much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// How far a standby may be behind.
    pub lag: LagLimit,
    /// How full a volume may be, in %.
    pub disk_percent: f64,
    /// From here on a full volume is critical, in %: PostgreSQL stops when it can't write WAL.
    pub disk_critical_percent: f64,
    /// A restart this recent is worth telling, in seconds.
    pub recent_restart_seconds: f64,
    /// A slot that nobody uses may hold back this much, in bytes, before it is worth telling: a
    /// standby that restarts leaves its slot for a moment.
    pub idle_slot_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lag: LagLimit::default(),
            disk_percent: 85.0,
            disk_critical_percent: 95.0,
            recent_restart_seconds: 600.0,
            idle_slot_bytes: 0,
        }
    }
}
