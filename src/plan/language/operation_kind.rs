//! The kinds of guided operations, and what goes with each.

/// A kind of guided operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// `pgctl failover`.
    Failover,
    /// `pgctl rejoin`.
    Rejoin,
    /// `pgctl reinit`.
    Reinit,
    /// `pgctl scale`.
    Scale,
    /// `pgctl hpa`.
    Autoscale,
    /// `pgctl sync`.
    Synchronous,
    /// `pgctl restore`.
    Restore,
    /// `pgctl restore --discard-old`.
    Discard,
}

impl OperationKind {
    /// What a refusal calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failover => "failover",
            Self::Rejoin => "rejoin",
            Self::Reinit => "reinit",
            Self::Scale => "scale",
            Self::Autoscale => "hpa",
            Self::Synchronous => "sync",
            Self::Restore => "restore",
            Self::Discard => "discard",
        }
    }

    /// The command that begins it, resumes it and aborts it; ids begin with it, too.
    pub const fn command(self) -> &'static str {
        match self {
            Self::Failover => "failover",
            Self::Rejoin => "rejoin",
            Self::Reinit => "reinit",
            Self::Scale => "scale",
            Self::Autoscale => "hpa",
            Self::Synchronous => "sync",
            Self::Restore | Self::Discard => "restore",
        }
    }
}
