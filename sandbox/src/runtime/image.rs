//! What an image is, as far as the sandbox knows.

use std::path::PathBuf;

/// What an image brings along, served from the host's own files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// The image's environment.
    pub env: Vec<(String, String)>,
    /// The users of the image besides root and nobody.
    pub users: Vec<User>,
    /// The user that it runs as when the manifest names none.
    pub user: Option<u32>,
    /// What it runs when the manifest has no `command`.
    pub entry_point: Vec<String>,
    /// Programs that containers don't see at their own place: the host's file, and where it is in the image.
    pub files: Vec<(PathBuf, String)>,
}

/// A user in the image's `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Name of the user and of his group.
    pub name: &'static str,
    /// Number of the user and of his group.
    pub id: u32,
    /// Home directory.
    pub home: &'static str,
}
