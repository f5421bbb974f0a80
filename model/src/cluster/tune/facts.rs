//! What the proposals go by.

/// What a server has to work with.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TuneFacts {
    /// Memory limit of the container, in bytes; none without one.
    pub memory_bytes: Option<u64>,
    /// CPU limit of the container, in cores; none without one.
    pub cpus: Option<f64>,
    /// Size of the data volume, in bytes.
    pub volume_bytes: Option<u64>,
    /// How many standbys there may be at most.
    pub standbys: u32,
}
