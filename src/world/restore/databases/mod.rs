//! A logical restore: roles, databases, and the backup of what they replace.

pub(in crate::world) mod loading;
pub(in crate::world) mod roles;
pub(in crate::world) mod safety_backup;
pub(in crate::world) mod steps;
pub(in crate::world) mod swap;
