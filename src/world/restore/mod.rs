//! What a restore needs: databases that are loaded and put in place, and the volume of a primary.

pub(super) mod backups;
pub(super) mod databases;
pub(super) mod restoring;
pub(super) mod volume;

pub use backups::Backups;
