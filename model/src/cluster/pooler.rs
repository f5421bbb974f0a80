//! The pods of poolers, which lead clients to a cluster.

/// Which way a pooler leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PoolerPurpose {
    /// Through the write Service, to the primary.
    Write,
    /// Through the read Service.
    Read,
}

/// What Kubernetes says of a pooler's pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolerPod {
    /// Name of the pod.
    pub name: String,
    /// Which way it leads.
    pub purpose: PoolerPurpose,
    /// Why its container does not run; none when it does.
    pub stopped: Option<String>,
    /// Whether it is being deleted.
    pub leaving: bool,
    /// Name of the Secret with its passwords, as its volume says.
    pub secret: Option<String>,
}
