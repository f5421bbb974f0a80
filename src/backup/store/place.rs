//! Whether two stores are one place.

/// Where a store really is, whatever it was called by: through a link, say, or under another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder of a disk.
    Folder {
        /// Number of the disk.
        device: u64,
        /// Number of the folder on it.
        inode: u64,
    },
    /// A prefix in a bucket.
    Bucket {
        /// Whom it is asked of.
        endpoint: String,
        /// Name of the bucket.
        bucket: String,
        /// The prefix, without slashes at its ends.
        prefix: String,
    },
}
