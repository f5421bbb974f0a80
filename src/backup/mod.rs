//! Backups that can be trusted: taken as a stream, compared at both ends, and only then a backup.

pub mod catalogue;
pub mod choice;
pub mod compression;
pub mod content;
pub mod digest;
pub mod encryption;
pub mod former;
pub mod id;
pub mod manifest;
pub mod newest;
pub mod order;
pub mod origin;
pub mod rehearsal;
pub mod remote;
pub mod report;
pub mod restore;
pub mod retention;
pub mod sealed;
pub mod store;
pub mod take;
pub mod tools;
pub mod transfer;
pub mod verify;
mod vigil;
