//! The script that works on a volume.

/// Its text. Values reach it as arguments, never as text.
pub const VOLUME_SCRIPT: &str = include_str!("volume.sh");
