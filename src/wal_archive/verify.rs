//! Reading an archive again, from the first segment to the last record.

use super::archive::WalArchive;
use super::error::ArchiveError;
use super::records::{WalEnd, WalReader};
use crate::backup::format::Identities;
use crate::backup::store::StoreError;
use crate::wal::{ArchiveObject, ArchivedSegment, WalArchiveFacts};

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifiedWal {
    /// Objects that were read.
    pub segments: u64,
    /// Records that were read in them.
    pub records: u64,
    /// Bytes that were read from the store.
    pub stored_bytes: u64,
    /// What is wrong, each with the object that it is about.
    pub problems: Vec<String>,
}

/// Reads every segment: its content against the checksum in its name, and its pages and records, each against
/// its own checksum and its place behind the one before. `seen` is told of each segment. Blocks.
///
/// # Errors
/// When the store does not answer, or none of the keys opens a segment.
pub fn verify(
    archive: &WalArchive,
    facts: &WalArchiveFacts,
    identities: &Identities,
    seen: &(dyn Fn() + Sync),
) -> Result<VerifiedWal, ArchiveError> {
    let mut verified = VerifiedWal::default();
    let system = archive.place().system_identifier.parse().ok();
    let mut reader = WalReader::new(facts.segment_size, system);
    for segment in &facts.segments {
        let object = ArchiveObject::Segment(segment.name.clone()).to_string();
        match archive.fetch(segment, facts.segment_size, identities) {
            Ok(bytes) => {
                verified.stored_bytes += segment.stored_bytes;
                read(&mut reader, segment, &bytes, &object, &mut verified);
            }
            Err(ArchiveError::Broken { reason, .. }) => {
                verified.problems.push(format!("{object}: {reason}"));
            }
            // Replaced, or removed by a prune, since it was listed.
            Err(ArchiveError::Store(StoreError::NotFound { .. })) => {}
            Err(ArchiveError::Store(error @ StoreError::Disk { .. })) => {
                verified.problems.push(format!("{object}: {error}"));
            }
            Err(error) => return Err(error),
        }
        verified.segments += 1;
        seen();
    }
    Ok(verified)
}

fn read(
    reader: &mut WalReader,
    segment: &ArchivedSegment,
    bytes: &[u8],
    object: &str,
    verified: &mut VerifiedWal,
) {
    let name = segment.name.segment;
    let scan = match segment.name.until {
        None => reader.read(name, bytes),
        // What comes after it is in another object: the whole segment, if there is one.
        Some(_) => reader.fork().read(name, bytes),
    };
    verified.records += scan.records;
    let problem = match (segment.name.until, &scan.stop) {
        (None, WalEnd::Full) => None,
        (None, WalEnd::Empty) => Some(format!("no WAL after {}", scan.end)),
        (None, WalEnd::Unreadable { at, reason }) => Some(format!("at {at}: {reason}")),
        (Some(until), _) if scan.end == until => None,
        (Some(until), _) => Some(format!(
            "it can be read up to {} and not up to {until}",
            scan.end
        )),
    };
    if let Some(problem) = problem {
        verified.problems.push(format!("{object}: {problem}"));
    }
}
