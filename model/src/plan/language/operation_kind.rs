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
    /// `pgctl rollout`.
    Rollout,
    /// `pgctl restore`.
    Restore,
    /// `pgctl restore --discard-old`.
    Discard,
}

impl OperationKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Failover,
        Self::Rejoin,
        Self::Reinit,
        Self::Scale,
        Self::Autoscale,
        Self::Synchronous,
        Self::Rollout,
        Self::Restore,
        Self::Discard,
    ];

    /// What a refusal calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failover => "failover",
            Self::Rejoin => "rejoin",
            Self::Reinit => "reinit",
            Self::Scale => "scale",
            Self::Autoscale => "hpa",
            Self::Synchronous => "sync",
            Self::Rollout => "rollout",
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
            Self::Rollout => "rollout",
            Self::Restore | Self::Discard => "restore",
        }
    }

    /// Every permission that it may need, as verb, API group and resource, so that a missing one is found before
    /// the first change. That objects can be listed the snapshot has shown.
    pub fn permissions(self) -> impl Iterator<Item = Needed> {
        let more: &[Needed] = match self {
            Self::Reinit | Self::Scale => &ON_CLAIMS,
            Self::Restore | Self::Discard => &ON_RESTORES,
            Self::Failover | Self::Rejoin | Self::Autoscale | Self::Synchronous | Self::Rollout => {
                &[]
            }
        };
        ALWAYS.iter().chain(more).copied()
    }
}

/// A permission: verb, API group (empty for the core), resource with its subresource.
type Needed = (&'static str, &'static str, &'static str);

/// What every guided operation may need.
const ALWAYS: [Needed; 19] = [
    ("get", "coordination.k8s.io", "leases"),
    ("create", "coordination.k8s.io", "leases"),
    ("update", "coordination.k8s.io", "leases"),
    ("get", "", "configmaps"),
    ("create", "", "configmaps"),
    ("update", "", "configmaps"),
    ("get", "", "pods"),
    ("watch", "", "pods"),
    ("patch", "", "pods"),
    ("delete", "", "pods"),
    ("create", "", "pods/portforward"),
    ("get", "apps", "statefulsets"),
    ("patch", "apps", "statefulsets/scale"),
    ("get", "", "services"),
    ("patch", "", "services"),
    ("list", "discovery.k8s.io", "endpointslices"),
    ("get", "autoscaling", "horizontalpodautoscalers"),
    ("patch", "autoscaling", "horizontalpodautoscalers"),
    ("create", "", "events"),
];

/// What it takes besides to give a pod another volume, or to delete one.
const ON_CLAIMS: [Needed; 2] = [
    ("get", "", "persistentvolumeclaims"),
    ("delete", "", "persistentvolumeclaims"),
];

/// What a restore takes besides.
const ON_RESTORES: [Needed; 5] = [
    ("get", "", "persistentvolumeclaims"),
    ("create", "", "pods/exec"),
    ("create", "", "pods"),
    ("create", "", "persistentvolumeclaims"),
    ("delete", "", "persistentvolumeclaims"),
];
