//! A tar file of `pg_basebackup -Ft -X fetch -D -`: every file against PostgreSQL's
//! `backup_manifest`, which is the last file in it, and the WAL that it needs.

use std::io::{self, Read};

use crc_fast::{CrcAlgorithm, Digest};

use super::error::ContentError;
use super::pg_manifest::{ManifestSeed, PgManifest, Seen, WalRange};
use crate::backup::format::digest::{Meter, hexadecimal};
use crate::cluster::{Lsn, Timeline};

/// The last line of a `backup_manifest`: its own SHA-256, which does not cover that line.
const SEAL_BEFORE: &[u8] = b"\"Manifest-Checksum\": \"";
const SEAL_AFTER: &[u8] = b"\"}\n";
const SEAL_BYTES: usize = SEAL_BEFORE.len() + 64 + SEAL_AFTER.len();

/// What a base backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseBackupFacts {
    /// Timeline on which it becomes consistent.
    pub timeline: Timeline,
    /// Where replay begins.
    pub start: Lsn,
    /// Where it is consistent.
    pub end: Lsn,
    /// Files that the manifest lists, all compared.
    pub files: u64,
}

/// Reads a base backup to its end.
///
/// # Errors
/// When a file is missing, surplus or differs, WAL is missing, or it is another cluster's.
pub(super) fn check_base_backup(
    input: impl Read,
    system_identifier: &str,
) -> Result<BaseBackupFacts, ContentError> {
    let mut seen = Seen::new();
    let mut wal: Vec<(String, u64)> = Vec::new();
    let mut manifest: Option<PgManifest> = None;
    let mut identifier: Option<u64> = None;
    let mut archive = tar::Archive::new(input);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if manifest.is_some() {
            return Err(ContentError::broken("it goes on after its backup_manifest"));
        }
        let name = name(&entry.path_bytes());
        if !entry.header().entry_type().is_file() {
            continue;
        }
        if name == "backup_manifest" {
            manifest = Some(read_manifest(&mut entry, &mut seen)?);
        } else {
            if let Some(segment) = name.strip_prefix("pg_wal/") {
                wal.push((segment.to_owned(), entry.size()));
            }
            let (size, checksum, head) = read_file(&mut entry)?;
            if name == "global/pg_control" {
                // `ControlFileData` begins with it (src/include/catalog/pg_control.h); every
                // architecture that PostgreSQL runs on today and Kubernetes knows is little-endian
                // but s390x.
                identifier = Some(u64::from_le_bytes(head));
            }
            seen.insert(name.into_boxed_str(), (size, checksum));
        }
    }
    let manifest = manifest.ok_or_else(|| {
        ContentError::broken("it has no backup_manifest, which comes last: it was cut short")
    })?;
    if let Some(problem) = manifest.problem {
        return Err(ContentError::broken(format!(
            "against its backup_manifest: {problem}"
        )));
    }
    // The WAL itself is in the ranges and not in the list (some of pg_wal/archive_status is).
    if let Some(surplus) = seen.keys().find(|name| !name.starts_with("pg_wal/")) {
        return Err(ContentError::broken(format!(
            "{surplus} is in it but not in its backup_manifest"
        )));
    }
    let ours = |found: u64| {
        found.to_string() == system_identifier
            || found.swap_bytes().to_string() == system_identifier
    };
    if ![identifier, manifest.system_identifier]
        .into_iter()
        .flatten()
        .all(ours)
    {
        return Err(ContentError::broken(format!(
            "it is of another cluster than {system_identifier}"
        )));
    }
    let (Some(first), Some(last)) = (manifest.wal_ranges.first(), manifest.wal_ranges.last())
    else {
        return Err(ContentError::broken("its backup_manifest names no WAL"));
    };
    for range in &manifest.wal_ranges {
        check_wal(range, &wal)?;
    }
    // The ranges go from the newest timeline back to the oldest.
    let (newest, oldest) = if first.timeline >= last.timeline {
        (first, last)
    } else {
        (last, first)
    };
    Ok(BaseBackupFacts {
        timeline: newest.timeline,
        start: oldest.start,
        end: newest.end,
        files: manifest.files,
    })
}

/// The name as the manifest would write it.
fn name(path: &[u8]) -> String {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    match std::str::from_utf8(path) {
        Ok(name) => name.to_owned(),
        Err(_) => format!("hex:{}", hexadecimal(path)),
    }
}

/// Size, CRC-32C and the first eight bytes.
fn read_file(mut input: impl Read) -> Result<(u64, u32, [u8; 8]), ContentError> {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    let mut head = [0; 8];
    let mut size = 0_u64;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = input.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        if let Some(first) = buffer[..read].first_chunk().filter(|_| size == 0) {
            head = *first;
        }
        digest.update(&buffer[..read]);
        size += read as u64;
    }
    let checksum = u32::try_from(digest.finalize())
        .map_err(|_| ContentError::broken("a CRC-32C has more than 32 bits"))?;
    Ok((size, checksum, head))
}

fn read_manifest<R: Read>(
    entry: &mut tar::Entry<'_, R>,
    seen: &mut Seen,
) -> Result<PgManifest, ContentError> {
    let covered = entry
        .size()
        .checked_sub(SEAL_BYTES as u64)
        .ok_or_else(|| ContentError::broken("its backup_manifest is too short"))?;
    let mut reader = SealReader {
        input: entry,
        meter: Meter::default(),
        covered,
        seal: Vec::new(),
    };
    let mut parser = serde_json::Deserializer::from_reader(io::BufReader::new(&mut reader));
    let manifest = serde::de::DeserializeSeed::deserialize(ManifestSeed(seen), &mut parser)
        .and_then(|manifest| parser.end().map(|()| manifest))
        .map_err(|error| ContentError::broken(format!("reading its backup_manifest: {error}")))?;
    drop(parser);
    io::copy(&mut reader, &mut io::sink())?;
    let sum = reader.meter.finish().sha256;
    let seal = reader
        .seal
        .strip_prefix(SEAL_BEFORE)
        .and_then(|rest| rest.strip_suffix(SEAL_AFTER));
    if seal == Some(sum.as_bytes()) {
        Ok(manifest)
    } else {
        Err(ContentError::broken(
            "its backup_manifest does not fit its own checksum",
        ))
    }
}

/// Hashes what the seal covers, and keeps the seal.
struct SealReader<'a, R> {
    input: &'a mut R,
    meter: Meter,
    covered: u64,
    seal: Vec<u8>,
}

impl<R: Read> Read for SealReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        let left = self.covered - self.meter.bytes();
        let hashed = read.min(usize::try_from(left).unwrap_or(usize::MAX));
        self.meter.update(&buffer[..hashed]);
        self.seal.extend_from_slice(&buffer[hashed..read]);
        Ok(read)
    }
}

/// Every segment of the range is there and has the size of a segment.
fn check_wal(range: &WalRange, wal: &[(String, u64)]) -> Result<(), ContentError> {
    let segment_name = |name: &str| name.len() == 24 && name.bytes().all(|b| b.is_ascii_hexdigit());
    let size = wal
        .iter()
        .find(|(name, _)| segment_name(name))
        .map(|(_, size)| *size)
        .filter(|size| size.is_power_of_two() && (1 << 20..=1 << 30).contains(size))
        .ok_or_else(|| ContentError::broken("it holds no WAL: it could not be started"))?;
    // The end is the position after the last record.
    let last = range.end.bytes().saturating_sub(1).max(range.start.bytes()) / size;
    for number in range.start.bytes() / size..=last {
        let name = segment(range.timeline, number, size);
        // After a switch of timelines the segment lies under the newer one's name only.
        let there = wal.iter().any(|(found, bytes)| {
            *bytes == size
                && segment_name(found)
                && (*found == name || same_segment_newer(found, &name))
        });
        if !there {
            return Err(ContentError::broken(format!(
                "WAL segment {name}, which it needs, is not in it"
            )));
        }
    }
    Ok(())
}

/// Name of a segment file (`XLogFileName()` in src/include/access/xlog_internal.h).
fn segment(timeline: Timeline, number: u64, size: u64) -> String {
    let per_id = 0x1_0000_0000 / size;
    format!(
        "{:08X}{:08X}{:08X}",
        timeline.0,
        number / per_id,
        number % per_id
    )
}

fn same_segment_newer(found: &str, wanted: &str) -> bool {
    found.get(8..) == wanted.get(8..) && found.get(..8) > wanted.get(..8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_named_as_postgresql_names_them() {
        let megabytes = 1 << 20;
        assert_eq!(
            segment(Timeline(1), 2, 16 * megabytes),
            "000000010000000000000002"
        );
        assert_eq!(
            segment(Timeline(0x1A), 256, 16 * megabytes),
            "0000001A0000000100000000"
        );
        assert_eq!(
            segment(Timeline(1), 4, 1024 * megabytes),
            "000000010000000100000000"
        );
    }

    #[test]
    fn missing_wal_is_missed() {
        let size = 16 << 20;
        let range = WalRange {
            timeline: Timeline(1),
            start: Lsn::new(2 * size + 40),
            end: Lsn::new(4 * size),
        };
        let held = |names: &[&str]| -> Vec<(String, u64)> {
            names
                .iter()
                .map(|name| ((*name).to_owned(), size))
                .collect()
        };
        assert!(
            check_wal(
                &range,
                &held(&["000000010000000000000002", "000000010000000000000003"])
            )
            .is_ok()
        );
        assert!(check_wal(&range, &held(&["000000010000000000000002"])).is_err());
        assert!(
            check_wal(
                &range,
                &held(&["000000020000000000000002", "000000020000000000000003"])
            )
            .is_ok()
        );
        assert!(check_wal(&range, &[]).is_err());
    }
}
