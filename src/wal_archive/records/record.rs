//! A record of WAL, taken in piece by piece: its checksum, and whether it is a commit.

use crc_fast::{CrcAlgorithm, Digest};
use jiff::Timestamp;

use super::page::{u32_at, u64_at};
use crate::cluster::Lsn;

/// Bytes of a record's header (`access/xlogrecord.h`).
pub(super) const HEADER: usize = 24;

/// The checksum of a record leaves itself out, which is the end of the header.
const SUMMED: usize = 20;

/// The most bytes that a record may have: PostgreSQL allows a little less than 1 GiB.
const LONGEST: usize = 1020 * 1024 * 1024;

/// Bytes of a record's beginning that are kept: enough for the time of a commit.
const KEPT: usize = 96;

/// Resource managers, and what of theirs is of interest (`access/rmgrlist.h`, `access/xact.h`,
/// `catalog/pg_control.h`).
const OF_LOG: u8 = 0;
const OF_TRANSACTIONS: u8 = 1;
const SWITCH: u8 = 0x40;
const COMMIT: u8 = 0x00;
const COMMIT_PREPARED: u8 = 0x30;

/// Microseconds between 1970 and 2000, where PostgreSQL's times begin.
const EPOCH: i64 = 946_684_800_000_000;

/// A record of which some is read.
pub(super) struct Record {
    /// Where it begins.
    pub(super) start: Lsn,
    length: usize,
    taken: usize,
    head: Vec<u8>,
    sum: Digest,
}

/// A whole record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    /// Where the record before it begins, as it says.
    pub(super) before: Lsn,
    /// When it was committed, when it is a commit.
    pub(super) commit: Option<Timestamp>,
    /// Whether the rest of the segment is not used.
    pub(super) switches: bool,
}

impl Record {
    /// A record that says that it has so many bytes.
    ///
    /// # Errors
    /// In words, when none can have so many.
    pub(super) fn begin(start: Lsn, length: u32) -> Result<Self, String> {
        let length = length as usize;
        if !(HEADER..=LONGEST).contains(&length) {
            return Err(format!("the record says that it has {length} bytes"));
        }
        Ok(Self {
            start,
            length,
            taken: 0,
            head: Vec::with_capacity(KEPT),
            sum: Digest::new(CrcAlgorithm::Crc32Iscsi),
        })
    }

    /// Bytes that are still to come.
    pub(super) const fn missing(&self) -> usize {
        self.length - self.taken
    }

    /// Takes in the next bytes, of which there must not be more than are missing.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(KEPT - self.head.len());
        self.head.extend_from_slice(&bytes[..kept]);
        // The sum begins after the header.
        let before = HEADER.saturating_sub(self.taken).min(bytes.len());
        self.sum.update(&bytes[before..]);
        self.taken += bytes.len();
    }

    /// The whole record.
    ///
    /// # Errors
    /// In words, when its checksum does not fit.
    pub(super) fn finish(mut self) -> Result<Read, String> {
        let header = self.head.get(..HEADER).ok_or("the record is cut")?;
        self.sum.update(&header[..SUMMED]);
        let (sum, said) = (self.sum.finalize(), u32_at(header, SUMMED));
        if said.is_none_or(|said| u64::from(said) != sum) {
            return Err("the checksum of the record does not fit".to_owned());
        }
        let (info, manager) = (header[16], header[17]);
        let commits = manager == OF_TRANSACTIONS && matches!(info & 0x70, COMMIT | COMMIT_PREPARED);
        Ok(Read {
            before: Lsn::new(u64_at(header, 8).unwrap_or_default()),
            commit: if commits { time(&self.head) } else { None },
            switches: manager == OF_LOG && info & 0xF0 == SWITCH,
        })
    }
}

/// The time at the beginning of the record's own data.
fn time(record: &[u8]) -> Option<Timestamp> {
    let mut at = HEADER;
    loop {
        // What comes before the data: each piece says what it is by its first byte.
        match record.get(at)? {
            255 => at += 2,
            254 => at += 5,
            // Origin, and the top-level transaction.
            253 => {
                at += 3;
                continue;
            }
            252 => {
                at += 5;
                continue;
            }
            // A block: commits have none.
            _ => return None,
        }
        let micros = i64::from_le_bytes(record.get(at..at + 8)?.try_into().ok()?);
        return Timestamp::from_microsecond(micros.checked_add(EPOCH)?).ok();
    }
}
