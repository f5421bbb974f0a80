//! What a container is made of.

use std::path::PathBuf;

/// A container to be started.
#[derive(Debug, Clone, Default)]
pub struct ContainerSpec {
    /// Host name, the pod's name.
    pub hostname: String,
    /// Program and arguments of the main process.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// Working directory, `/` when empty.
    pub working_dir: String,
    /// User id inside the container.
    pub uid: u32,
    /// Group id inside the container.
    pub gid: u32,
    /// Whether everything but the volumes is read-only.
    pub read_only_root: bool,
    /// Files and folders of the host to be seen in the container.
    pub mounts: Vec<Mount>,
    /// A folder for what the container needs on the host, for itself alone.
    pub scratch: PathBuf,
    /// The file that takes the output of the main process.
    pub log: PathBuf,
}

/// A file or folder of the host at a place in the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is on the host.
    pub source: PathBuf,
    /// Where the container sees it.
    pub target: String,
    /// Whether the container may only read it.
    pub read_only: bool,
}

impl ContainerSpec {
    /// The working directory, never empty.
    pub(super) fn cwd(&self) -> &str {
        if self.working_dir.is_empty() {
            "/"
        } else {
            &self.working_dir
        }
    }

    /// The mounts, outer folders before what lies in them.
    pub(super) fn ordered_mounts(&self) -> Vec<&Mount> {
        let mut mounts: Vec<&Mount> = self.mounts.iter().collect();
        mounts.sort_by_key(|m| m.target.trim_end_matches('/').matches('/').count());
        mounts
    }
}
