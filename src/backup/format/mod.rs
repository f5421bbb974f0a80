//! What a backup is made of: its name, its manifest, its files and what must be in them.

mod checksummed_json;
mod compression;
mod content;
mod digest;
mod encryption;
mod id;
mod manifest;

pub(crate) use checksummed_json::read_checksummed;
pub use checksummed_json::write_checksummed;
pub use compression::{Compression, Method};
pub use content::{BaseBackupFacts, ContentError, ContentFacts, Expected};
pub(super) use content::{TocEntry, check, read_table_of_contents};
pub use digest::Fingerprint;
pub(crate) use digest::{Meter, MeteredReader, MeteredWriter};
pub(crate) use encryption::Sealer;
pub use encryption::{EncryptionError, Identities, Recipient};
pub use id::{ResolveError, resolve};
pub(crate) use id::{cluster_words, could_be_of};
pub(super) use id::{is_id, new_id, started};
pub use manifest::{
    Archive, BackupSource, Content, DatabaseDefinition, Kind, MANIFEST_FILE, Manifest, RestoreTest,
    RestoreTestKind, VERIFIED_FILE, Verification, WalRange,
};
